"""Hugging Face datasets: an image folder with metadata.csv or .jsonl, or images in Parquet or Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from curator.errors import CuratorError
from curator.formats._columns import rows_to_lines
from curator.formats._writing import link_image, new_folder, write_json_lines
from curator.formats.dataset import Dataset, Format, Options
from curator.formats.json_lines import json_lines
from curator.formats.parquet import table_rows
from curator.images import UnreadableImageError
from curator.images.columnar import labels_in
from curator.tables import LABEL_COLUMNS, LabelLine, read_table

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
TABLES = (".parquet", ".arrow")
SPLIT = "train"


def read(source: Path) -> list[LabelLine]:
    """The labels in the metadata files of a folder (one a split, or one for all), or in one of them.

    Where there is none: those in its Parquet or Arrow files, beside the images in them.
    """
    files = sorted(_metadata_files(source)) if source.is_dir() else [source]
    if not files:
        files = sorted(path for path in source.rglob("*") if path.suffix in TABLES)
    if not files:
        raise CuratorError(
            f"there is none of {', '.join(METADATA)} in {source} or the folders in it, nor a table of images"
        )
    root = source if source.is_dir() else source.parent
    return rows_to_lines(source, (row for file in files for row in _rows(file, root)))


def _metadata_files(folder: Path) -> Iterator[Path]:
    for name in METADATA:
        yield from folder.glob(name)
        yield from folder.glob(f"*/{name}")


def _rows(file: Path, root: Path) -> Iterator[Any]:
    """The rows of one metadata file, their file names relative to `root` as those of all others."""
    folder = PurePosixPath(file.parent.relative_to(root).as_posix())
    if file.suffix in TABLES and file.name not in METADATA:
        yield from _with_images(file, str(folder / file.name))
        return
    for row in _table(file):
        if isinstance(row, Mapping) and isinstance(row.get("file_name"), str):
            yield {**row, "file_name": str(folder / row["file_name"])}
        else:
            yield row


def _with_images(file: Path, path: str) -> Iterator[dict[str, Any]]:
    """A row for each image that lies in a table itself."""
    try:
        for name, label in labels_in(file, LABEL_COLUMNS):
            yield {"file_name": f"{path}/{name}", "label": label}
    except UnreadableImageError as error:
        raise CuratorError(f"nothing was imported from {file}: it {error.message}") from error


def _table(file: Path) -> list[Any]:
    if file.suffix == ".jsonl":
        return json_lines(file)
    return read_table(file).to_dict(orient="records") if file.suffix == ".csv" else table_rows(file)


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
    "hugging-face",
    "Hugging Face imagefolder; read from Parquet and Arrow, too.",
    read,
    write,
    entry="row",
    writes_folder=True,
    links_images=True,
    only_labelled=True,
)
