"""Addresses of images on the network, as text: nothing here goes there."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from curator.errors import CuratorError

WEB = ("http", "https")
STORES = ("s3", "gs", "gcs", "az", "abfs", "memory")
LIST_EXTENSION = ".urls"  # a text file with an address in each line


def is_address(source: object) -> bool:
    """Whether a source of images is an address, and no path."""
    return "://" in str(source)


def is_remote(source: object) -> bool:
    """Whether images are on the network: at an address, or at those of a list."""
    return is_address(source) or Path(str(source)).suffix.lower() == LIST_EXTENSION


def checked_address(address: str) -> str:
    """The address; CuratorError unless it is of a kind that is read, and holds no password."""
    parts = urlsplit(address)
    if parts.scheme not in (*WEB, *STORES) or "::" in address:
        kinds = ", ".join(f"{kind}://" for kind in (*WEB, *STORES[:-1]))
        raise CuratorError(f"the address {address!r} is not of a kind that is read: {kinds}")
    if "@" in parts.netloc and parts.scheme in WEB:
        raise CuratorError(
            "the address holds a user or password, which would be kept beside the labels: leave it out, "
            "and copy the images or use an address that carries its own key"
        )
    return address


def name_of(address: str) -> str:
    """The path by which an image at an address is known in a list: host, folders, name."""
    parts = urlsplit(address)
    steps = [parts.netloc.rpartition("@")[2], *unquote(parts.path).split("/")]
    return "/".join(step for step in steps if step not in ("", ".", "..") and "\0" not in step)


def told_apart(name: str, address: str) -> str:
    """The same path with a mark made from the address, where two addresses would have one name."""
    path, mark = PurePosixPath(name), hashlib.sha256(address.encode()).hexdigest()[:8]
    return str(path.with_name(f"{path.stem}~{mark}{path.suffix}"))
