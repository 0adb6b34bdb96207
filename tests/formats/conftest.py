"""A small data set with everything that a format may show, and awkward names; what formats say of it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curator.formats import FORMATS, Dataset, Options, Record

CLASSES = ["a/b: <c>", "cat", "zebra & co"]
COCO = (
    '{"images": [{"id": 1, "file_name": "%s"}], "annotations": %s, "categories": [{"id": 1, "name": "%s"}]}'
)
ANNOTATED = '[{"image_id": 1, "category_id": 1}]'


def written(name: str, out: Path, dataset: Dataset, options: Options | None = None) -> Path:
    write = FORMATS[name].write
    assert write is not None
    write(out, dataset, options or Options())
    return out


def labels_in(name: str, source: Path) -> dict[str, str]:
    """What a source says, by the paths that it says."""
    read = FORMATS[name].read
    assert read is not None
    return {line.path: line.label for line in read(source)}


def labels_of(name: str, source: Path, dataset: Dataset) -> dict[str, str]:
    """What a source says, by the images it means: import knows them by content or by the end of a path."""
    read = FORMATS[name].read
    assert read is not None
    known = {record.content_hash: record.path for record in dataset.records}
    paths = sorted(known.values(), key=len, reverse=True)

    def found(said: str) -> str:
        return next((path for path in paths if f"/{said}".endswith(f"/{path}")), said)

    return {known.get(line.content_hash) or found(line.path): line.label for line in read(source)}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Six images in two folders, the last one unlabelled."""
    paths = ["x/1.png", "x/2.png", "y z/1.png", "y z/ü & <b>.png", "y z/=3.png", "last.png"]
    records = []
    for number, path in enumerate(paths):
        file = tmp_path / "images" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3), (number, 0, 0)).save(file)
        label = CLASSES[number % 3] if number < 5 else ""
        records.append(
            Record(
                path,
                content_hash=f"{number:032}",
                width=4,
                height=3,
                label=label,
                annotator="ann" if label else "",
                predicted_label="cat",
                confidence=0.5,
                hardness=0.25,
                suggested_label="cat" if label else "",
                error_probability=number / 10 if label else None,
                is_issue=number == 4,
                uniqueness=0.5,
                representativeness=1.0,
            )
        )
    neighbors = np.array([[(row + 1) % 6, (row + 2) % 6] for row in range(6)], np.int32)
    similarities = np.full((6, 2), [0.9, 0.5], np.float32)
    places = np.arange(12, dtype=np.float32).reshape(6, 2)
    return Dataset(tmp_path / "images", CLASSES, records, neighbors, similarities, places)
