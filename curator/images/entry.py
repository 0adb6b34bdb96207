"""One image inside a container (an archive, an array, a table, a place on the network), before it is read."""

from typing import NamedTuple

IMAGE_EXTENSIONS = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})


class Entry(NamedTuple):
    """`name` is its path below the container, with `/`; `size` in bytes, 0 where only reading it would tell.

    `version` changes when the image may have: where the container does not say, it is the container's time.
    """

    name: str
    size: int
    version: int
