"""Bytes of an image file -> a small JPEG of the whole image, for people to look at."""

import io

from PIL import ImageFile

from curator.images._pixels import orientation, scaled_rgb, turned
from curator.images.decode import load_near, opened

_QUALITY = 88  # of JPEG: no flaw that a person would take for a flaw of the photograph


def preview_jpeg(data: bytes, longest: int) -> bytes:
    """The image as its photographer saw it, at most `longest` pixels on a side, as JPEG.

    Small images keep their size. Nothing of the file but pixels reaches the result: no metadata, no markup.
    Raises `UnreadableImageError`.
    """
    return opened(data, lambda image: _preview(image, longest))


def _preview(image: ImageFile.ImageFile, longest: int) -> bytes:
    width, height = image.size
    load_near(image, longest * min(width, height) / max(width, height))
    scale = min(1.0, longest / max(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    upright = turned(scaled_rgb(image, size, (0, 0, *image.size)), orientation(image))
    written = io.BytesIO()
    upright.save(written, "JPEG", quality=_QUALITY)
    return written.getvalue()
