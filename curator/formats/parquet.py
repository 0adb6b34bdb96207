"""Parquet: a row for each image, typed (needs pyarrow)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from curator.errors import CuratorError
from curator.formats._columns import frame, rows_to_lines
from curator.formats.dataset import DOUBTS, Dataset, Format, Options
from curator.tables import LabelLine
from curator_indexes.files import atomic_path

if TYPE_CHECKING:
    import pandas as pd


def read(file: Path) -> list[LabelLine]:
    """The label of each row that has one."""
    import pandas as pd

    require_pyarrow()
    try:
        table = pd.read_parquet(file, engine="pyarrow")
    except (OSError, ValueError) as error:
        raise CuratorError(f"nothing was imported from {file}: it is no Parquet file: {error}") from error
    whole = table.astype(object).where(table.notna(), None)
    return rows_to_lines(file, whole.to_dict(orient="records"))


def write(out: Path, dataset: Dataset, _options: Options) -> None:
    """All that is known of each image."""
    write_table(out, frame(dataset))


def write_table(out: Path, table: pd.DataFrame) -> None:
    """Write a frame as Parquet, all of it or nothing."""
    require_pyarrow()
    with atomic_path(out) as temporary:
        table.to_parquet(temporary, engine="pyarrow", index=False)


def require_pyarrow() -> None:
    """CuratorError with the command that installs it, where pyarrow is not there."""
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise CuratorError("Parquet needs pyarrow: pip install 'curator[parquet]'") from error


FORMAT = Format(
    "parquet", "Parquet, a row for each image", read, write, frozenset({DOUBTS}), "row", exact=True
)
