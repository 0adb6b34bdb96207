"""FiftyOne's FiftyOneImageClassificationDataset: labels.json beside the images in data/."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from curator.formats._reading import field, label_lines, line, member, read_json
from curator.formats._writing import link_image, new_folder, write_json
from curator.formats.dataset import Dataset, Format, Options
from curator.tables import LabelLine

LABELS, DATA = "labels.json", "data"


def read(source: Path) -> list[LabelLine]:
    """The labels of a folder with labels.json and data/, or of a labels.json in one.

    The file names its images without their extensions: which file is meant is looked up in data/.
    """
    file = source / LABELS if source.is_dir() else source
    whole = read_json(file)
    classes = whole.get("classes") if isinstance(whole, dict) else None
    names = {Path(path).with_suffix("").as_posix(): path for path in _listed(file.parent / DATA)}

    def parse(number: int, entry: tuple[str, Any]) -> list[LabelLine]:
        name, value = entry
        label = _class(value, classes)
        return [] if label is None else [line(number, names.get(name, name), label)]

    return label_lines(file, member(whole, "labels", dict, file).items(), parse)


def _listed(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


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
        for record in dataset.labelled:
            name = _free(record.path, labels)
            labels[name] = code[record.label]
            target = folder / DATA / f"{name}{Path(record.path).suffix}"
            link_image(dataset.images / record.path, target, options.link)
        write_json(folder / LABELS, {"classes": list(dataset.classes), "labels": labels})


def _free(path: str, taken: dict[str, int]) -> str:
    """The path without its extension, or with it where `a.jpg` and `a.png` are beside each other."""
    bare = Path(path).with_suffix("").as_posix()
    return path if bare in taken else bare


FORMAT = Format(
    "fiftyone-labels",
    "FiftyOneImageClassificationDataset: labels.json and data/",
    read,
    write,
    writes_folder=True,
)
