"""The manifest of an artifact: one small file that vouches for itself and for the others."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curator_indexes.errors import DamagedFileError
from curator_indexes.files import atomic_path

FORMAT_VERSION = 1
_PLAIN_NAME = re.compile(
    r"[\w-][\w.-]*"
)  # no folder, no hidden file: a manifest cannot point outside its artifact


@dataclass(frozen=True)
class Manifest:
    """What an artifact is, what it was made from, and the checksum of each of its files."""

    kind: str
    version: int
    data: str
    inputs: dict[str, Any]
    facts: dict[str, Any]
    files: dict[str, str]

    def __post_init__(self) -> None:
        for name in (self.data, *self.files):
            check_name(name)


def check_name(name: str) -> None:
    """Raise ValueError unless `name` is a plain file name."""
    if not _PLAIN_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no plain file name")


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put `manifest` in place of the folder's present one, in one step."""
    content = {"format_version": FORMAT_VERSION, **asdict(manifest)}
    with atomic_path(folder / "manifest.json") as path:
        path.write_bytes(_serialise(content))


def read_manifest(folder: Path) -> Manifest:
    """The manifest in `folder`.

    Raises:
        DamagedFileError: it is missing, was changed, or was written by another version.

    """
    path = folder / "manifest.json"
    try:
        raw = path.read_bytes()
        content = json.loads(raw)
        content.pop("sha256")
        if raw != _serialise(content):
            raise ValueError("its checksum does not match")
        if content.pop("format_version") != FORMAT_VERSION:
            raise ValueError(f"it is not of format {FORMAT_VERSION}")
        return Manifest(**content)
    except FileNotFoundError:
        raise DamagedFileError(
            f"{path} is missing: nothing was stored here, or not to the end. Rebuild it."
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedFileError(f"{path} cannot be used ({error}). Delete {folder} and rebuild it.") from error


def _serialise(content: dict[str, Any]) -> bytes:
    """One spelling for one content, ending in its own checksum, so that any changed byte shows."""
    body = json.dumps(content, sort_keys=True, allow_nan=False)
    signed = {**content, "sha256": hashlib.sha256(body.encode()).hexdigest()}
    return (json.dumps(signed, sort_keys=True, indent=1, allow_nan=False) + "\n").encode()
