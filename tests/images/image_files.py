"""Image files made by Pillow in memory, sound and broken, for the tests of this folder."""

import io
import os
import struct
import sys
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from curator.images import PIXEL_LIMIT, UnreadableImageError, decode_image
from curator.images.reasons import REASONS

FORMATS = ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"]

posix_only = pytest.mark.skipif(os.name == "nt", reason="needs pipes and links, which Windows lacks")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs the file names that Linux allows")


def picture(width: int = 48, height: int = 32, seed: int = 0) -> NDArray[np.uint8]:
    """A smooth colourful picture, uint8 [height, width, 3]: it survives JPEG and shows any turn."""
    down, across = np.mgrid[0:height, 0:width]
    red = 255 * across / max(width - 1, 1)
    green = 255 * down / max(height - 1, 1)
    blue = 128 + 100 * np.sin(seed + across / 7 + down / 11)
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)


def encoded(image: Image.Image, fmt: str, **options: object) -> bytes:
    """`image` as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, fmt, **options)
    return buffer.getvalue()


def photo(fmt: str = "PNG", width: int = 48, height: int = 32, **options: object) -> bytes:
    """The picture as the bytes of a file in format `fmt`."""
    return encoded(Image.fromarray(picture(width, height)), fmt, **options)


def png_claiming(width: int, height: int) -> bytes:
    """A PNG that claims `width` x `height` pixels and holds almost none."""
    body = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", body), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def reason_of(data: bytes, pixel_limit: int = PIXEL_LIMIT) -> str:
    with pytest.raises(UnreadableImageError) as caught:
        decode_image(data, 16, pixel_limit=pixel_limit)
    assert caught.value.reason in REASONS
    assert str(caught.value) == caught.value.message != ""
    return caught.value.reason


def assert_close(actual: NDArray[np.uint8], wanted: NDArray[np.uint8], worst: float, mean: float) -> None:
    difference = np.abs(actual.astype(int) - wanted.astype(int))
    assert difference.max() <= worst
    assert difference.mean() <= mean
