"""What tables of any kind share: the columns, and how rows become labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.formats._reading import label_lines, line
from curator.formats.dataset import Dataset
from curator.tables import LABEL_COLUMNS, PATH_COLUMNS, LabelLine

if TYPE_CHECKING:
    import pandas as pd

_ANNOTATOR, _ID = "annotator", "id"
READ_COLUMNS = frozenset({*PATH_COLUMNS, *LABEL_COLUMNS, _ANNOTATOR, _ID})


def frame(dataset: Dataset) -> pd.DataFrame:
    """A row for each image with all that is known of it; columns of which nothing is known are left out."""
    import pandas as pd

    rows = [
        {_ID if name == "content_hash" else name: value for name, value in asdict(record).items()}
        for record in dataset.records
    ]
    columns = pd.DataFrame(rows)
    known = [
        name for name in columns if name in ("path", "label") or columns[name].isin([None, ""]).mean() < 1
    ]
    return columns[known]


def rows_to_lines(file: Path, rows: Iterable[Any], entry: str = "row") -> list[LabelLine]:
    """The labels of rows under any of the usual column names; None is passed over, as is an empty label."""

    def parse(number: int, row: Any) -> list[LabelLine]:
        if row is None:
            return []
        if not isinstance(row, Mapping):
            raise ValueError("is not an object")
        path, label = _first(row, PATH_COLUMNS), _first(row, LABEL_COLUMNS)
        if not isinstance(path, str):
            raise ValueError(f"has no path under any of {', '.join(PATH_COLUMNS)}")
        if label is None or (isinstance(label, str) and not label.strip()):
            return []
        return [line(number, path, label, str(row.get(_ANNOTATOR) or ""), str(row.get(_ID) or ""))]

    return label_lines(file, rows, parse, entry)


def _first(row: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((row[name] for name in names if name in row), None)
