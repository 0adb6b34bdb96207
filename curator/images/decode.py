"""Bytes of an image file -> a square of RGB pixels, or the reason why not.

Safe to call from many threads: no setting of Pillow or of the warnings module is touched. Bit rot inside a
JPEG can decode without complaint; only a content hash shows it.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image, ImageFile

from curator.images._formats import ends_early, plugin_for
from curator.images._pixels import Box, centre_box, orientation, scaled_rgb, turned
from curator.images.reasons import Reason, UnreadableImageError

Result = TypeVar("Result")

RESIZES = ("crop", "squash")

# Where Pillow itself raises `DecompressionBombError`: 13 400 x 13 400 pixels, about 0.7 GB while decoding.
PIXEL_LIMIT = 178_956_970

# JPEG can decode at 1/2, 1/4 or 1/8 for little work; twice the wanted size is kept for the resize kernel.
_DRAFT_OVERSIZE = 2

_RULES = "exif-once;alpha-on-white;icc-ignored;first-frame;deep-grey-by-range"
DECODER_FINGERPRINT = f"pillow-{PIL.__version__};draft-{_DRAFT_OVERSIZE};bicubic-gap-3;{_RULES};v1"


@dataclass(frozen=True)
class Decoded:
    """`pixels` uint8 [size, size, 3], RGB; `width` and `height` in pixels of the whole image as displayed."""

    pixels: NDArray[np.uint8]
    width: int
    height: int


@dataclass(frozen=True)
class Whole:
    """`pixels` uint8 [h, w, 3], RGB, of the whole image; `mode` is Pillow's name for what the file holds."""

    pixels: NDArray[np.uint8]
    mode: str


def decoder_fingerprint() -> str:
    """Decoder, resize kernel and versions: embeddings made under another fingerprint are not comparable."""
    return DECODER_FINGERPRINT


def decode_image(
    data: bytes,
    size: int,
    *,
    resize: str = "crop",
    crop_fraction: float = 1.0,
    pixel_limit: int = PIXEL_LIMIT,
) -> Decoded:
    """Decode an image file held in `data` to `size` x `size` pixels of RGB.

    `resize="crop"` scales the centred square whose side is `crop_fraction` of the shorter side (0.875 is
    the customary 256 -> 224); `"squash"` scales the whole image and ignores its aspect. EXIF orientation is
    applied once; of an animation the first frame counts; transparency is laid on white; ICC profiles are
    ignored, as the usual encoders were trained without them. An image of more than `pixel_limit` pixels is
    refused before any is decoded. Raises `UnreadableImageError`; ValueError for wrong arguments.
    """
    _check_arguments(size, resize, crop_fraction, pixel_limit)
    return opened(data, lambda image: _decode(image, size, resize, crop_fraction, pixel_limit))


def decode_whole(data: bytes, longest: int, *, pixel_limit: int = PIXEL_LIMIT) -> Whole:
    """Decode an image file to RGB in its own shape, its longest side at most `longest`, never enlarged.

    Otherwise as `decode_image`; not turned by its EXIF orientation, since measures do not depend on it.
    """
    _check_arguments(longest, "crop", 1.0, pixel_limit)
    return opened(data, lambda image: _decode_whole(image, longest, pixel_limit))


def opened(data: bytes, use: Callable[[ImageFile.ImageFile], Result]) -> Result:
    """What `use` makes of the image file held in `data`; whatever damage it meets is explained."""
    if not data:
        raise UnreadableImageError("empty", "holds no bytes: fetch or copy the image again")
    name, plugin = plugin_for(data)
    try:
        with plugin(io.BytesIO(data)) as image:
            return use(image)
    except UnreadableImageError:
        raise
    except Exception as error:  # Pillow's readers raise whatever damaged bytes make them raise
        raise _explained(error, data, name) from error


def load_near(image: ImageFile.ImageFile, size: float, pixel_limit: int = PIXEL_LIMIT) -> None:
    """Decode `image`, of a JPEG no more than is needed for `size` pixels; refuse one of too many."""
    width, height = image.size
    if width * height > pixel_limit:
        raise UnreadableImageError("decompression_bomb", _too_many(width, height, pixel_limit))
    wanted = max(1, round(_DRAFT_OVERSIZE * size))
    image.draft(None, (wanted, wanted))
    image.load()


def _check_arguments(size: int, resize: str, crop_fraction: float, pixel_limit: int) -> None:
    if size < 1 or pixel_limit < 1:
        raise ValueError(f"size and pixel_limit are at least 1, not {size} and {pixel_limit}")
    if resize not in RESIZES:
        raise ValueError(f"resize is one of {', '.join(RESIZES)}, not {resize!r}")
    if not 0 < crop_fraction <= 1:
        raise ValueError(f"crop_fraction is in (0, 1], not {crop_fraction}")


def _decode(
    image: ImageFile.ImageFile, size: int, resize: str, crop_fraction: float, pixel_limit: int
) -> Decoded:
    width, height = image.size
    load_near(image, size / crop_fraction, pixel_limit)
    turn = orientation(image)  # after load: a TIFF has turned itself by then, a PNG may hold its EXIF last
    box: Box = (0, 0, *image.size)
    if resize == "crop":
        box = centre_box(*image.size, crop_fraction)
    pixels = np.array(turned(scaled_rgb(image, (size, size), box), turn))  # [size, size, 3]
    return Decoded(pixels, *((height, width) if turn >= 5 else (width, height)))


def _decode_whole(image: ImageFile.ImageFile, longest: int, pixel_limit: int) -> Whole:
    width, height = image.size
    mode, scale = image.mode, min(1.0, longest / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    load_near(image, min(size), pixel_limit)
    return Whole(np.array(scaled_rgb(image, size, (0, 0, *image.size))), mode)


def _too_many(width: int, height: int, limit: int) -> str:
    return (
        f"claims {width} x {height} pixels, more than the {limit / 1e6:.0f} million that are decoded: "
        "make a smaller copy, or remove it if it is not what it claims"
    )


def _explained(error: Exception, data: bytes, name: str) -> UnreadableImageError:
    if isinstance(error, MemoryError):
        return UnreadableImageError("out_of_memory", "needs more memory than there is: make a smaller copy")
    if isinstance(error, Image.DecompressionBombError):
        return UnreadableImageError("decompression_bomb", f"would decode to too many pixels ({error})")
    reason: Reason = "truncated" if ends_early(data, name, str(error)) else "corrupt"
    advice = "the file is incomplete" if reason == "truncated" else "the file is damaged"
    said = " ".join(str(error).split())[:200] or type(error).__name__
    return UnreadableImageError(reason, f"{advice}: fetch or copy it again ({name} reader: {said})")
