"""Images in a numpy array on disk, uint8 [n, h, w] or [n, h, w, 3], each read from where it lies."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curator.images.entry import Entry
from curator.images.reasons import UnreadableImageError
from curator_indexes.files import NPY_ERRORS

# An image of an array has no file format of its own. BMP is one that every version of every writer writes
# alike, so that content hashes last, and that costs nothing to write.
_NAME = re.compile(r"(\d{8,15})\.bmp")
_HEADER = 54  # bytes before a palette or the pixels
_PALETTE = b"".join(bytes((level, level, level, 0)) for level in range(256))


def entries(file: Path) -> Iterator[Entry]:
    """The images of an array, by the number of their row."""
    array, time = _mapped(file), file.stat().st_mtime_ns
    size = int(np.prod(array.shape[1:]))
    yield from (Entry(f"{row:08}.bmp", size, time) for row in range(len(array)))


def read_row(file: Path, name: str, limit: int) -> bytes:
    """One image of an array as a BMP file; `limit` bounds its bytes."""
    array, matched = _mapped(file), _NAME.fullmatch(name)
    if matched is None or int(matched[1]) >= len(array):
        raise UnreadableImageError(
            "missing", f"is not in the array {file.name}, which has {len(array):,} rows"
        )
    if np.prod(array.shape[1:]) > limit:
        raise UnreadableImageError("too_large_file", f"is larger than {limit / 2**20:.0f} MiB")
    return bitmap(np.asarray(array[int(matched[1])]))


def bitmap(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Pixels uint8 [h, w], [h, w, 1] or [h, w, 3] as a BMP file, without loss."""
    rows = pixels[..., ::-1] if pixels.shape[2:] == (3,) else pixels  # blue, green, red
    height, width = pixels.shape[:2]
    flat = rows[::-1].reshape(height, -1)  # from the bottom up
    padded = np.zeros((height, -(-flat.shape[1] // 4) * 4), np.uint8)
    padded[:, : flat.shape[1]] = flat
    depth, palette = (24, b"") if pixels.shape[2:] == (3,) else (8, _PALETTE)
    start = _HEADER + len(palette)
    header = struct.pack(
        *("<2s6I2H6I", b"BM", start + padded.size, 0, start, 40, width, height, 1, depth),
        *(0, padded.size, 0, 0, 0, 0),
    )
    return header + palette + padded.tobytes()


def _mapped(file: Path) -> npt.NDArray[np.uint8]:
    """The array, mapped and not read; `UnreadableImageError` unless it is one of images."""
    try:
        array = np.lib.format.open_memmap(file, mode="r")  # which takes no pickled objects
    except NPY_ERRORS as error:
        raise UnreadableImageError("corrupt", f"is no whole array: {' '.join(str(error).split())}") from error
    shape = array.shape
    if array.dtype != np.uint8 or not (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))):
        found = f"{array.dtype} {list(shape)}"
        wanted = "uint8 [n, h, w] or [n, h, w, 3]"
        raise UnreadableImageError(
            "other_extension", f"is an array of {found}, not of images: wanted {wanted}"
        )
    if 0 in shape[1:]:
        raise UnreadableImageError("other_extension", "is an array of images without pixels")
    return array
