"""Files that hold images, read as folders: a path that leads into one is an image like others.

`shards/0.tar/a/1.jpg` is a member of an archive, `digits.npy/00000007.bmp` a row of an array,
`train.parquet/00000007.jpg` a row of a table, `photos.remote/a/1.jpg` an image at an address.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from curator.images import archives, arrays, columnar, remote
from curator.images.entry import Entry


class Container(NamedTuple):
    """How a kind of container lists its images, and gives the bytes of one, at most a limit + 1 of them.

    Both raise `UnreadableImageError`. `empty` says what a container without images is; one that is not
    `walked` is looked into only where it is named itself: what lies in a folder must not reach the network.
    """

    entries: Callable[[Path], Iterator[Entry]]
    read: Callable[[Path, str, int], bytes]
    empty: str
    walked: bool = True


_TABLE = Container(columnar.entries, columnar.read_row, "is a table that holds no image")
CONTAINERS = {
    ".tar": Container(archives.entries, archives.read_member, "is an archive that holds no image"),
    ".npy": Container(arrays.entries, arrays.read_row, "is an array that holds no image"),
    ".parquet": _TABLE,
    ".arrow": _TABLE,
    remote.EXTENSION: Container(remote.entries, remote.fetch, "lists no image", walked=False),
}


def container_kind(path: Path) -> Container | None:
    """The kind of container that a file of this name would be; None for any other."""
    return CONTAINERS.get(path.suffix.lower())


def container_of(path: Path) -> tuple[Path, str] | None:
    """The container that a path leads into and the name of the image there; None where it leads into none."""
    for parent in path.parents:
        if container_kind(parent) is not None and parent.is_file():
            return parent, path.relative_to(parent).as_posix()
    return None
