"""What may be named as a source of images: a folder, a file that holds images, an address, a list."""

import os
from pathlib import Path

from curator.addresses import LIST_EXTENSION, checked_address, is_address
from curator.errors import CuratorError
from curator.images.containers import CONTAINERS, container_kind
from curator.images.remote import EXTENSION

KINDS = [*(kind for kind in CONTAINERS if kind != EXTENSION), LIST_EXTENSION]


def checked_source(given: str | Path) -> str | Path:
    """An address as text, else a path; CuratorError unless images may be there."""
    if is_address(given):
        return checked_address(str(given))
    path = Path(given)
    if path.suffix.lower() == LIST_EXTENSION and path.is_file():
        return path
    return checked_place(path)


def checked_place(path: Path) -> Path:
    """The path; CuratorError unless it is a folder that can be listed, or a file that holds images."""
    if not path.exists():
        raise CuratorError(f"there is no folder {path}")
    if not path.is_dir() and container_kind(path) is None:
        raise CuratorError(
            f"{path} is a file: name a folder of images, or a file that holds some ({' '.join(KINDS)})"
        )
    if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
        raise CuratorError(f"{path} may not be read: check its permissions")
    return path
