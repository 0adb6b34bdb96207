"""CVAT for images 1.1: an XML file with a tag for each image (docs.cvat.ai, "XML annotation format")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from curator.errors import CuratorError
from curator.formats._reading import label_lines, line, one_class, parse_xml, read_bytes
from curator.formats._writing import write_text, xml_text
from curator.formats.dataset import Dataset, Format, Options, Record
from curator.tables import LabelLine

SHAPES = frozenset({"tag", "box", "polygon", "polyline", "points", "mask", "cuboid", "ellipse", "skeleton"})


@dataclass
class _Image:
    name: str
    classes: list[str] = field(default_factory=list)


def read(file: Path) -> list[LabelLine]:
    """A label for each image whose tags and shapes are all of one class."""
    images = _images(file)

    def label(number: int, image: _Image) -> list[LabelLine]:
        name = one_class(image.classes)
        return [] if name is None else [line(number, image.name, name)]

    return label_lines(file, images, label, "image")


def _images(file: Path) -> list[_Image]:
    images: list[_Image] = []

    def start(opened: Sequence[str], attributes: Mapping[str, str]) -> None:
        if opened == ["annotations", "image"]:
            images.append(_Image(attributes.get("name", "")))
        elif opened[:2] == ["annotations", "image"] and len(opened) == 3 and opened[2] in SHAPES:
            images[-1].classes.append(attributes.get("label", ""))

    parse_xml(read_bytes(file), str(file), start)
    if not images:
        raise CuratorError(f"nothing was imported from {file}: it has no <image> in <annotations>")
    return images


def write(out: Path, dataset: Dataset, _options: Options) -> None:
    """All images, with a tag for each that is labelled."""
    labels = "".join(f"<label><name>{xml_text(name)}</name></label>" for name in dataset.classes)
    images = "\n".join(_element(number, record) for number, record in enumerate(dataset.records))
    write_text(
        out,
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
        f"<meta><task><labels>{labels}</labels></task></meta>\n{images}\n</annotations>\n",
    )


def _element(number: int, record: Record) -> str:
    size = f'width="{record.width}" height="{record.height}"'
    tag = f'<tag label="{xml_text(record.label)}" source="manual"/>' if record.label else ""
    return f'<image id="{number}" name="{xml_text(record.path)}" {size}>{tag}</image>'


FORMAT = Format("cvat", "CVAT for images 1.1, XML.", read, write, entry="image")
