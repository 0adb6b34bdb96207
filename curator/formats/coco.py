"""COCO: images, annotations and categories in one JSON file (cocodataset.org, "data format")."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from curator.errors import CuratorError
from curator.formats._reading import field, label_lines, line, member, one_class, read_json
from curator.formats._writing import write_json
from curator.formats.dataset import Dataset, Format, Options
from curator.tables import LabelLine

# Where annotations and images are put: by COCO itself, by FiftyOne, by Roboflow (in a folder for each split).
FILES = ("annotations/*.json", "labels.json", "_annotations.coco.json", "*/_annotations.coco.json")
FOLDERS = ("data", "images", "")


def read(source: Path) -> list[LabelLine]:
    """A label for each image whose annotations are of one category; images without any are passed over.

    `source` is a file, or a folder in which files of annotations lie beside or above their images.
    """
    if not source.is_dir():
        return _read(source)
    files = sorted(path for place in FILES for path in source.glob(place))
    if not files:
        raise CuratorError(f"there is none of {', '.join(FILES)} in {source}")
    lines = [replace(each, path=_place(source, file, each.path)) for file in files for each in _read(file)]
    return [replace(each, line=number) for number, each in enumerate(lines, 1)]


def _place(source: Path, file: Path, name: str) -> str:
    """Where in the folder the image is that a file of annotations names: where there is one."""
    split = file.stem.rpartition("_")[2]
    for folder in (file.parent, source / split, source / "images" / split, *map(source.joinpath, FOLDERS)):
        found = folder / name
        # Path.is_file raises of a name that is too long for any file
        if found.is_relative_to(source) and os.path.isfile(found):  # noqa: PTH113
            return found.relative_to(source).as_posix()
    return name


def _read(file: Path) -> list[LabelLine]:
    whole = read_json(file)
    names = _by_id(file, "category", member(whole, "categories", list, file), "name")
    annotations: dict[int, list[str]] = {}
    images = member(whole, "images", list, file)
    known = _by_id(file, "image", images, "file_name")

    def annotate(_number: int, entry: Any) -> list[LabelLine]:
        image_id, category = field(entry, "image_id", int), field(entry, "category_id", int)
        if image_id not in known:
            raise ValueError(f"is of the image {image_id}, which is not listed")
        if category not in names:
            raise ValueError(f"is of the category {category}, which is not listed")
        annotations.setdefault(image_id, []).append(names[category])
        return []

    def label(number: int, entry: Mapping[str, Any]) -> list[LabelLine]:
        name = one_class(annotations.get(entry["id"], ()))
        return [] if name is None else [line(number, entry["file_name"], name)]

    label_lines(file, member(whole, "annotations", list, file), annotate, "annotation")
    return label_lines(file, images, label, "image")


def _by_id(file: Path, noun: str, entries: list[Any], name: str) -> dict[int, str]:
    """The names of entries by their ids, which must be different."""
    found: dict[int, str] = {}

    def add(_number: int, entry: Any) -> list[LabelLine]:
        key, text = field(entry, "id", int), field(entry, name, str)
        if found.setdefault(key, text) != text:
            raise ValueError(f"has the id {key} of another one")
        return []

    label_lines(file, entries, add, noun)
    return found


def write(out: Path, dataset: Dataset, _options: Options) -> None:
    """All images; for each that is labelled one annotation, whose box is the whole image."""
    categories = {name: number for number, name in enumerate(dataset.classes, 1)}
    if any(not (record.width and record.height) for record in dataset.labelled):
        raise CuratorError("COCO wants the size of each image, and some are not known: run `curator embed`")
    write_json(
        out,
        {
            "info": {"description": "labels from curator", "version": "1.0"},
            "licenses": [],
            "images": [
                {"id": number, "file_name": each.path, "width": each.width, "height": each.height}
                for number, each in enumerate(dataset.records, 1)
            ],
            "annotations": [
                {
                    "id": number,
                    "image_id": number,
                    "category_id": categories[each.label],
                    "bbox": [0, 0, each.width, each.height],
                    "area": each.width * each.height,
                    "iscrowd": 0,
                    "segmentation": [],
                }
                for number, each in enumerate(dataset.records, 1)
                if each.label
            ],
            "categories": [
                {"id": number, "name": name, "supercategory": ""} for name, number in categories.items()
            ],
        },
    )


FORMAT = Format("coco", "COCO JSON: images, annotations, categories.", read, write, entry="image")
