"""Hugging Face datasets: an image folder with metadata.csv or metadata.jsonl."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from curator.errors import CuratorError
from curator.formats._columns import rows_to_lines
from curator.formats._writing import link_image, new_folder, write_json_lines
from curator.formats.dataset import Dataset, Format, Options
from curator.formats.json_lines import json_lines
from curator.formats.parquet import require_pyarrow
from curator.tables import LabelLine, read_table

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
SPLIT = "train"


def read(source: Path) -> list[LabelLine]:
    """The labels in the metadata files of a folder (one a split, or one for all), or in one of them."""
    files = sorted(_metadata_files(source)) if source.is_dir() else [source]
    if not files:
        raise CuratorError(f"there is none of {', '.join(METADATA)} in {source} or the folders in it")
    root = source if source.is_dir() else source.parent
    return rows_to_lines(source, (row for file in files for row in _rows(file, root)))


def _metadata_files(folder: Path) -> Iterator[Path]:
    for name in METADATA:
        yield from folder.glob(name)
        yield from folder.glob(f"*/{name}")


def _rows(file: Path, root: Path) -> Iterator[Any]:
    """The rows of one metadata file, their file names relative to `root` as those of all others."""
    folder = PurePosixPath(file.parent.relative_to(root).as_posix())
    for row in _table(file):
        if isinstance(row, Mapping) and isinstance(row.get("file_name"), str):
            yield {**row, "file_name": str(folder / row["file_name"])}
        else:
            yield row


def _table(file: Path) -> list[Any]:
    if file.suffix == ".jsonl":
        return json_lines(file)
    if file.suffix == ".csv":
        return read_table(file).to_dict(orient="records")
    import pandas as pd

    require_pyarrow()
    return pd.read_parquet(file, engine="pyarrow").to_dict(orient="records")


def write(out: Path, dataset: Dataset, options: Options) -> None:
    """A folder of links to the labelled images and a metadata.jsonl with their labels, as the split train.

    Outside of a folder named for a split, `datasets` takes an image for a test image because of its name.
    """
    with new_folder(out) as whole:
        folder = whole / SPLIT
        folder.mkdir()
        for record in dataset.labelled:
            link_image(dataset.images / record.path, folder / record.path, options.link)
        rows = [{"file_name": record.path, "label": record.label} for record in dataset.labelled]
        write_json_lines(folder / "metadata.jsonl", rows)


FORMAT = Format(
    "hugging-face", "Hugging Face imagefolder with metadata", read, write, entry="row", writes_folder=True
)
