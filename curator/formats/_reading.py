"""Files from strangers: bounded in size and depth, and every complaint names the entry."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from xml.parsers import expat

from curator.errors import CuratorError
from curator.tables import LabelLine, check_label, refuse

SIZE_LIMIT = 2**30  # bytes of one file of labels: a million annotated images are a tenth of it
DEEPEST = 20  # XML elements in elements; CVAT's own files have 6
_SURROGATE = re.compile("[\ud800-\udfff]")  # JSON can name half a letter, which no database takes
Item = TypeVar("Item")
Kind = TypeVar("Kind")


def read_bytes(file: Path) -> bytes:
    """The whole of a file of at most `SIZE_LIMIT` bytes; CuratorError where it cannot be read."""
    try:
        size = file.stat().st_size
        if size > SIZE_LIMIT:
            raise CuratorError(
                f"{file} holds {size:,} bytes, more than the {SIZE_LIMIT:,} that are read: split it"
            )
        return file.read_bytes()
    except OSError as error:
        raise CuratorError(f"cannot read {file}: {error.strerror}") from error


def read_json(file: Path) -> Any:
    """The value in a JSON file; CuratorError where it is none, or nested too deeply."""
    return parse_json(read_bytes(file), str(file))


def parse_json(data: bytes, where: str) -> Any:
    """The value of some JSON text; CuratorError naming `where` it stands."""
    try:
        return json.loads(data.decode("utf-8-sig"))
    except RecursionError as error:
        raise CuratorError(f"nothing was imported from {where}: it is nested too deeply") from error
    except ValueError as error:
        raise CuratorError(f"nothing was imported from {where}: it is no JSON: {error}") from error


def parse_xml(data: bytes, where: str, start: Callable[[Sequence[str], Mapping[str, str]], None]) -> None:
    """Go through some XML; CuratorError naming `where` it stands. A document type, so any entity, is refused.

    `start` gets the names of the elements around each that begins, its own the last, and its attributes.
    """
    opened: list[str] = []

    def begin(name: str, attributes: Mapping[str, str]) -> None:
        opened.append(name)
        if len(opened) > DEEPEST:
            raise CuratorError(f"nothing was imported from {where}: it is nested too deeply")
        start(opened, attributes)

    def refuse_document_type(*_: object) -> None:
        raise CuratorError(f"nothing was imported from {where}: it has a document type, which is not read")

    parser = expat.ParserCreate()
    parser.StartElementHandler = begin
    parser.EndElementHandler = lambda _name: opened.pop()
    parser.StartDoctypeDeclHandler = refuse_document_type
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the latter two of a declared encoding
        raise CuratorError(f"nothing was imported from {where}: it is no XML: {error}") from error


def member(value: Any, name: str, kind: type[Kind], where: Path) -> Kind:
    """`value[name]` of a JSON file's outermost object; CuratorError unless it is there and of that kind."""
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, kind):
        raise CuratorError(
            f"nothing was imported from {where}: it needs a {_NAMES.get(kind, kind.__name__)} {name!r}"
        )
    return found


def field(entry: Any, name: str, kind: type[Kind] | tuple[type[Any], ...]) -> Kind:
    """`entry[name]`; ValueError unless the entry is an object that has one of that kind."""
    if not isinstance(entry, Mapping):
        raise ValueError("is not an object")
    if name not in entry:
        raise ValueError(f"has no {name!r}")
    if not isinstance(entry[name], kind):
        raise ValueError(f"has a {name!r} of another kind than wanted: {str(entry[name])[:40]!r}")
    found: Kind = entry[name]
    return found


def label_lines(
    file: Path,
    entries: Iterable[Item],
    parse: Callable[[int, Item], Iterable[LabelLine]],
    entry: str = "entry",
) -> list[LabelLine]:
    """The label lines of all entries, numbered from 1; CuratorError lists the entries that do not fit.

    `parse` gets the number of an entry, which its lines carry, and raises ValueError saying what is wrong
    with it.
    """
    lines: list[LabelLine] = []
    problems: list[str] = []
    for number, item in enumerate(entries, 1):
        try:
            lines += parse(number, item)
        except ValueError as problem:
            problems.append(f"{entry} {number}: {problem}")
    refuse(file, problems)
    return lines


def line(number: int, path: str, label: object, annotator: str = "", content_hash: str = "") -> LabelLine:
    """One label of one image; ValueError unless path and label can be those of an image.

    An empty label is refused: in the log of labels it would withdraw the one before.
    """
    if not path or "\0" in path:
        raise ValueError("the path is empty" if not path else f"the path {path!r} holds a NUL")
    if ".." in path.replace("\\", "/").split("/"):
        raise ValueError(f"the path {path!r} leads out of its folder by '..'")
    for name, said in (("path", path), ("annotator", annotator), ("id", content_hash)):
        if _SURROGATE.search(said):
            raise ValueError(f"the {name} {said!r} is no Unicode text")
    if isinstance(label, bool) or not isinstance(label, str | int):
        raise ValueError(f"the label {str(label)[:40]!r} is neither a text nor a number")
    text = str(label).strip()
    if not text:
        raise ValueError("the label is empty: name a class, or leave the image out")
    check_label(text)
    return LabelLine(number, path, text, annotator, content_hash)


def one_class(classes: Iterable[str]) -> str | None:
    """The one class among those named for an image; None for none; ValueError for several."""
    distinct = sorted(set(classes))
    if len(distinct) > 1:
        raise ValueError(f"has {len(distinct)} classes ({', '.join(distinct[:3])}): wanted one an image")
    return distinct[0] if distinct else None


_NAMES: dict[type, str] = {list: "list", dict: "object", str: "text"}
