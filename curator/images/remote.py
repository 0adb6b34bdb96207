"""Images on the network, under the name of a list of them; each is fetched when it is first read, and kept.

The list is a file of JSON lines that `curator embed` writes into the workspace, with what it has fetched
beside it. Both can be made again from the network.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from curator.addresses import checked_address, name_of, told_apart
from curator.errors import CuratorError
from curator.images.entry import Entry
from curator.images.network import Listed, read_address
from curator.images.reasons import UnreadableImageError
from curator_indexes.files import atomic_path

EXTENSION = ".remote"
FETCHED = "fetched"  # the folder of what was fetched
READERS = 16  # images fetched at once: they wait for the network, not for a processor
_LONGEST_LINE = 8192


def entries(listing: Path) -> Iterator[Entry]:
    """The images of a list, in the byte order of their names."""
    for name, listed in _listed(listing).items():
        yield Entry(name, listed.size, _number(listed.version))


def fetch(listing: Path, name: str, limit: int) -> bytes:
    """The bytes of one image: as they were fetched before, else from the network; at most `limit` + 1."""
    listed = _listed(listing).get(name)
    if listed is None:
        raise UnreadableImageError("missing", f"is not in the list {listing.name}: run `curator embed` again")
    key = hashlib.sha256(f"{listed.address}\n{listed.version}".encode()).hexdigest()
    kept = listing.parent / FETCHED / key[:2] / key
    if kept.is_file():
        with kept.open("rb") as file:
            return file.read(limit + 1)
    data = read_address(listed.address, limit)
    if 0 < len(data) <= limit:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(kept) as temporary:
            temporary.write_bytes(data)
    return data


def write_listing(listing: Path, images: Iterable[Listed]) -> None:
    """Write the list of images, all of it or nothing."""
    listing.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(listing) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(image) + "\n" for image in images)


def addressed(list_of_addresses: Path) -> Iterator[Listed]:
    """The images at the addresses in a text file, one a line; CuratorError names a line that holds none."""
    taken: dict[str, str] = {}
    try:
        with list_of_addresses.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), ""), 1):
                address = line.strip()
                if not address or address.startswith("#"):
                    continue
                name = _named(address, f"{list_of_addresses}, line {number}")
                name = told_apart(name, address) if taken.get(name, address) != address else name
                if name not in taken:
                    taken[name] = address
                    yield Listed(name, address)
    except (OSError, UnicodeDecodeError) as error:
        raise CuratorError(f"cannot read {list_of_addresses}: {error}") from error


def _named(address: str, where: str) -> str:
    try:
        name = name_of(checked_address(address))
        if "/" not in name:
            raise CuratorError(f"the address {address!r} names no image")
        return name
    except (CuratorError, ValueError) as error:  # urlsplit refuses some with a ValueError
        raise CuratorError(f"{where}: {error}") from error


def _listed(listing: Path) -> Mapping[str, Listed]:
    status = listing.stat()
    return _parsed(listing, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4)
def _parsed(listing: Path, _mtime_ns: int, _size: int) -> Mapping[str, Listed]:
    try:
        with listing.open(encoding="utf-8") as file:
            images = [Listed(*json.loads(line)) for line in file]
    except (ValueError, TypeError, RecursionError) as error:
        raise UnreadableImageError(
            "corrupt", "is a damaged list of images: run `curator embed` again"
        ) from error
    return {image.name: image for image in sorted(images, key=lambda image: image.name.encode())}


def _number(version: str) -> int:
    """A text as a number that a database holds: other texts have other numbers."""
    return int.from_bytes(hashlib.sha256(version.encode()).digest()[:8], "big") >> 1
