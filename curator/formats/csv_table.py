"""CSV: a row for each image, safe in a spreadsheet."""

from __future__ import annotations

from pathlib import Path

from curator.formats._columns import frame
from curator.formats.dataset import DOUBTS, Dataset, Format, Options
from curator.tables import read_label_lines, write_csv


def write(out: Path, dataset: Dataset, _options: Options) -> None:
    """All that is known of each image."""
    write_csv(frame(dataset), out, overwrite=True)


FORMAT = Format(
    "csv",
    "A table for a spreadsheet.",
    read_label_lines,
    write,
    frozenset({DOUBTS}),
    entry="line",
    exact=True,
)
