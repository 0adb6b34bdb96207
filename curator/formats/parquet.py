"""Parquet: a row for each image, typed (needs pyarrow)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.errors import CuratorError
from curator.formats._columns import READ_COLUMNS, frame, rows_to_lines
from curator.formats.dataset import DOUBTS, Dataset, Format, Options
from curator.tables import LabelLine
from curator_indexes.files import atomic_path

if TYPE_CHECKING:
    import pandas as pd


def read(file: Path) -> list[LabelLine]:
    """The label of each row that has one."""
    return rows_to_lines(file, table_rows(file))


def table_rows(file: Path) -> list[dict[str, Any]]:
    """The rows of a file, as far as labels go, null as None; CuratorError where it is no Parquet file."""
    require_pyarrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as opened:
            names = [name for name in opened.schema_arrow.names if name in READ_COLUMNS]
            rows: list[dict[str, Any]] = opened.read(columns=names).to_pylist()
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise CuratorError(f"nothing was imported from {file}: it is no Parquet file: {error}") from error
    return rows


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
    "parquet", "Parquet, a row for each image.", read, write, frozenset({DOUBTS}), "row", exact=True
)
