"""Files and folders that are whole or not there; images are linked, never changed."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from curator.errors import CuratorError
from curator.images import UnreadableImageError, read_image
from curator_indexes.files import atomic_path

LINKS = ("symlink", "hard", "copy")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2
_ESCAPES = {
    '"': "&quot;",
    "\t": "&#9;",
    "\n": "&#10;",
    "\r": "&#13;",
}  # or a reader makes spaces of the latter


def write_text(file: Path, text: str) -> None:
    """Write a text file, all of it or nothing."""
    with atomic_path(file) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def write_json(file: Path, value: Any) -> None:
    """Write a value as JSON."""
    write_text(file, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def write_json_lines(file: Path, values: Iterable[Any]) -> None:
    """Write each value as JSON on a line of its own."""
    write_text(file, "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values))


def xml_text(name: str) -> str:
    """A name as it stands in XML, between tags or double quotes; CuratorError where none can hold it."""
    if _NO_XML.search(name):
        raise CuratorError(
            f"XML cannot hold the name {name!r}: rename that image or class, or choose another format"
        )
    return escape(name, _ESCAPES)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `target` when the block ends well, and goes when it raises."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    temporary.mkdir()
    try:
        yield temporary
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def link_image(source: Path, target: Path, how: str) -> None:
    """Make `target` the same image as `source`, by a link or, where told so, as a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if how == "copy":
            target.write_bytes(read_image(source))  # which may be in an archive
        elif not source.is_file():
            raise FileNotFoundError(None, "it is no file of its own")
        elif how == "symlink":
            target.symlink_to(source)
        else:
            os.link(source.resolve(), target)
    except (OSError, UnreadableImageError) as error:
        why = error.strerror if isinstance(error, OSError) else error.message
        others = " or ".join(f"--link {other}" for other in LINKS if other != how)
        raise CuratorError(f"cannot make {target} from {source} ({why}): try {others}") from error
