"""Images in tar archives (WebDataset shards), read where they lie: nothing is unpacked.

Archives that are compressed are not read: a member of one can only be reached through all before it.
"""

import tarfile
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from curator.images.entry import IMAGE_EXTENSIONS, Entry
from curator.images.reasons import UnreadableImageError

_REMEMBERED = 64  # archives whose lists of members are kept in memory


class Member(NamedTuple):
    """Where the bytes of a member are."""

    offset: int
    size: int


def members(archive: Path) -> Mapping[str, Member]:
    """The plain files in an archive, by name in byte order; `UnreadableImageError` where it is none.

    Links, devices and names that would lead elsewhere are left out.
    """
    status = archive.stat()
    return _members(archive, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=_REMEMBERED)
def _members(archive: Path, _mtime_ns: int, _size: int) -> Mapping[str, Member]:
    try:
        with tarfile.open(archive, "r:") as opened:
            found = {
                name: Member(each.offset_data, each.size)
                for each in opened
                if each.isreg() and not each.issparse() and _stays(name := each.name.removeprefix("./"))
            }
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise UnreadableImageError("corrupt", f"is no whole tar archive: {error}") from error
    return dict(sorted(found.items(), key=lambda item: item[0].encode()))


def entries(archive: Path) -> Iterator[Entry]:
    """The images among the members."""
    time = archive.stat().st_mtime_ns
    for name, member in members(archive).items():
        if Path(name).suffix.lower() in IMAGE_EXTENSIONS:
            yield Entry(name, member.size, time)


def read_member(archive: Path, name: str, limit: int) -> bytes:
    """The bytes of one member, at most `limit` + 1 of them; `UnreadableImageError` where it is not there."""
    member = members(archive).get(name)
    if member is None:
        raise UnreadableImageError("missing", f"is not in the archive {archive.name}: put it back")
    with archive.open("rb") as file:
        file.seek(member.offset)
        data = file.read(min(member.size, limit + 1))
    if len(data) < min(member.size, limit + 1):
        raise UnreadableImageError("truncated", f"lies in the archive {archive.name}, which is cut short")
    return data


def _stays(name: str) -> bool:
    """Whether a member's name is a plain path below the archive, as text that can be stored."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return all(part not in ("", ".", "..") for part in name.split("/")) and "\0" not in name
