"""JSON Lines: an object for each image, on a line of its own."""

from __future__ import annotations

from pathlib import Path

from curator.formats._columns import frame, rows_to_lines
from curator.formats._reading import parse_json, read_bytes
from curator.formats._writing import write_json_lines
from curator.formats.dataset import DOUBTS, Dataset, Format, Options
from curator.tables import LabelLine


def read(file: Path) -> list[LabelLine]:
    """The label of each line that has one."""
    return rows_to_lines(file, json_lines(file), "line")


def json_lines(file: Path) -> list[object]:
    """The values of a file's lines, None for an empty line; CuratorError names the line that is none."""
    lines = read_bytes(file).splitlines()
    return [
        parse_json(text, f"{file}, line {number}") if text.strip() else None
        for number, text in enumerate(lines, 1)
    ]


def write(out: Path, dataset: Dataset, _options: Options) -> None:
    """All that is known of each image."""
    table = frame(dataset)
    whole = table.astype(object).where(table.notna(), None)
    write_json_lines(out, whole.to_dict(orient="records"))


FORMAT = Format(
    "jsonl", "JSON Lines, an object for each image.", read, write, frozenset({DOUBTS}), "line", exact=True
)
