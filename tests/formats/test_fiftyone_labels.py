"""Images that differ only in their extensions, and where FiftyOne's labels.json says that images are."""

import json
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from curator.errors import CuratorError
from curator.formats import Dataset

from .conftest import labels_in, labels_of, written


def test_images_with_one_name_lose_no_label(tmp_path: Path, dataset: Dataset) -> None:
    paths = ["a.png.jpg", "a.jpg", "a.png", "data/a.png", "aside-2/a.png"]
    for path in paths:
        (dataset.images / path).parent.mkdir(exist_ok=True)
        (dataset.images / path).write_text(path)
    own = {path: path for path in paths}
    for number, order in enumerate(permutations(paths[:4])):
        records = [
            replace(dataset.records[0], path=path, content_hash=path, label=path)
            for path in (*order, paths[4])
        ]
        alike = replace(dataset, records=records, classes=sorted(paths))
        out = written("fiftyone-labels", tmp_path / f"out{number}", alike)
        assert labels_of("fiftyone-labels", out, alike) == own
        said = labels_in("fiftyone-labels", out)
        assert {(out / path).read_text(): label for path, label in said.items()} == own


def labels_file(folder: Path, **labels: str) -> Path:
    (folder / "labels.json").write_text(json.dumps({"classes": [], "labels": labels}))
    return folder


def test_what_is_no_image_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("a.jpg", "a.txt", "b.txt"):
        (tmp_path / "data" / name).touch()
    assert labels_in("fiftyone-labels", labels_file(tmp_path, a="cat", b="dog")) == {
        "data/a.jpg": "cat",
        "b": "dog",
    }


def test_name_of_two_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("a.jpg", "a.png"):
        (tmp_path / "data" / name).touch()
    with pytest.raises(CuratorError, match=r"entry 1: 'a' is any of data/a\.jpg, data/a\.png: wanted one"):
        labels_in("fiftyone-labels", labels_file(tmp_path, a="cat"))
