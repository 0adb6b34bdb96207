"""FiftyOne's FiftyOneImageClassificationDataset: labels.json beside the images in data/."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from curator.formats._reading import field, label_lines, line, member, read_json
from curator.formats._writing import link_image, new_folder, write_json
from curator.formats.dataset import Dataset, Format, Options, Record
from curator.images import IMAGE_EXTENSIONS
from curator.tables import LabelLine

LABELS, DATA = "labels.json", "data"


def read(source: Path) -> list[LabelLine]:
    """The labels of a folder with labels.json and data/, or of a labels.json in one.

    The file names its images without their extensions: which file is meant is looked up in data/.
    """
    file = source / LABELS if source.is_dir() else source
    whole = read_json(file)
    classes = whole.get("classes") if isinstance(whole, dict) else None
    images = _images(file.parent)

    def parse(number: int, entry: tuple[str, Any]) -> list[LabelLine]:
        name, value = entry
        label, found = _class(value, classes), images.get(name, [name])
        if label is None:
            return []
        if len(found) > 1:
            raise ValueError(f"{name!r} is any of {', '.join(found[:3])}: wanted one")
        return [line(number, found[0], label)]

    return label_lines(file, member(whole, "labels", dict, file).items(), parse)


def _images(folder: Path) -> dict[str, list[str]]:
    """The images in data/, relative to the folder that it lies in, by their names in labels.json."""
    images: dict[str, list[str]] = {}
    for path in sorted((folder / DATA).rglob("*")):
        if path.suffix.lower() in IMAGE_EXTENSIONS and path.is_file():
            name = _name(path.relative_to(folder / DATA))
            images.setdefault(name, []).append(path.relative_to(folder).as_posix())
    return images


def _name(path: PurePath) -> str:
    return path.with_suffix("").as_posix()


def _class(value: Any, classes: Any) -> str | None:
    if isinstance(value, dict):  # with a confidence or attributes
        value = field(value, "label", (str, int))
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, int) or not isinstance(classes, list) or not 0 <= value < len(classes):
        raise ValueError(f"has the class {str(value)[:40]!r}, which is not among the classes")
    return str(classes[value])


def write(out: Path, dataset: Dataset, options: Options) -> None:
    """A folder with labels.json, and links to the labelled images in data/."""
    code = {name: number for number, name in enumerate(dataset.classes)}
    labels: dict[str, int] = {}
    with new_folder(out) as folder:
        for record, place in _places(dataset):
            labels[_name(place)] = code[record.label]
            link_image(dataset.images / record.path, folder / DATA / place, options.link)
        write_json(folder / LABELS, {"classes": list(dataset.classes), "labels": labels})


def _places(dataset: Dataset) -> Iterator[tuple[Record, PurePosixPath]]:
    """Each labelled image and where it goes in data/: where its path says.

    Those go aside, with the end of their path as it was, that would have the name of another one (`a.png`
    beside `a.jpg`) or, read back, the path of another one (`a.png` where there is `data/a.png`).
    """
    paths = {record.path for record in dataset.records}
    aside = "aside-"
    while any(aside in path for path in paths):
        aside += "-"
    seen: Counter[str] = Counter()
    for record in dataset.labelled:
        place = PurePosixPath(record.path)
        seen[_name(place)] += 1
        count = seen[_name(place)]
        own = count == 1 and f"{DATA}/{place}" not in paths
        yield record, place if own else PurePosixPath(f"{aside}{count}", place)


FORMAT = Format(
    "fiftyone-labels",
    "FiftyOneImageClassificationDataset: labels.json and data/.",
    read,
    write,
    writes_folder=True,
    links_images=True,
    only_labelled=True,
)
