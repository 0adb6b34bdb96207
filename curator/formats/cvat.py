"""CVAT for images 1.1: an XML file with a tag for each image (docs.cvat.ai, "XML annotation format")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from curator.errors import CuratorError
from curator.formats._reading import label_lines, line, one_class, read_bytes
from curator.formats._writing import write_text
from curator.formats.dataset import Dataset, Format, Options, Record
from curator.tables import LabelLine

SHAPES = frozenset({"tag", "box", "polygon", "polyline", "points", "mask", "cuboid", "ellipse", "skeleton"})
_DEEPEST = 20  # elements in elements; CVAT's own files have 6


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
    opened: list[str] = []

    def start(name: str, attributes: Mapping[str, str]) -> None:
        opened.append(name)
        if len(opened) > _DEEPEST:
            raise CuratorError(f"nothing was imported from {file}: it is nested too deeply")
        if opened == ["annotations", "image"]:
            images.append(_Image(attributes.get("name", "")))
        elif opened[:2] == ["annotations", "image"] and len(opened) == 3 and name in SHAPES:
            images[-1].classes.append(attributes.get("label", ""))

    def refuse_document_type(*_: object) -> None:
        raise CuratorError(f"nothing was imported from {file}: it has a document type, which is not read")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: opened.pop()
    parser.StartDoctypeDeclHandler = refuse_document_type
    try:
        parser.Parse(read_bytes(file), True)
    except expat.ExpatError as error:
        raise CuratorError(f"nothing was imported from {file}: it is no XML: {error}") from error
    if not images:
        raise CuratorError(f"nothing was imported from {file}: it has no <image> in <annotations>")
    return images


def write(out: Path, dataset: Dataset, _options: Options) -> None:
    """All images, with a tag for each that is labelled."""
    labels = "".join(f"<label><name>{_text(name)}</name></label>" for name in dataset.classes)
    images = "\n".join(_element(number, record) for number, record in enumerate(dataset.records))
    write_text(
        out,
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
        f"<meta><task><labels>{labels}</labels></task></meta>\n{images}\n</annotations>\n",
    )


def _element(number: int, record: Record) -> str:
    size = f'width="{record.width}" height="{record.height}"'
    tag = f'<tag label={quoteattr(record.label)} source="manual"/>' if record.label else ""
    return f'<image id="{number}" name={quoteattr(record.path)} {size}>{tag}</image>'


def _text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


FORMAT = Format("cvat", "CVAT for images 1.1, XML", read, write, entry="image")
