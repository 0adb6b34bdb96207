"""From a loaded Pillow image of any mode to 8-bit RGB of a wanted size."""

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

Box = tuple[float, float, float, float]
Size = tuple[int, int]

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BITS_PER_SAMPLE = 258  # TIFF tag
_KERNEL = Image.Resampling.BICUBIC
# Above three times the wanted size a cheap box filter comes first; Pillow's documentation calls the result
# almost indistinguishable from the kernel alone.
_REDUCING_GAP = 3.0


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or the EXIF block is damaged."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damage in the metadata, of whatever kind, must not cost us sound pixels
        return 1
    return value if value in _TURNS else 1


def centre_box(width: int, height: int, crop_fraction: float) -> Box:
    """The centred square of `crop_fraction` of the shorter side: left, top, right, bottom in pixels."""
    side = min(width, height) * crop_fraction
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def scaled_rgb(image: Image.Image, size: Size, box: Box) -> Image.Image:
    """`box` of `image`, of whatever mode, resized to `size` (width, height) pixels of RGB."""
    if image.mode[0] in "IF":
        return Image.fromarray(_deep_grey(image, size, box)).convert("RGB")
    if image.has_transparency_data:
        return _on_white(_resize(image.convert("RGBA"), size, box))
    return _resize(image if image.mode == "RGB" else image.convert("RGB"), size, box)


def turned(image: Image.Image, exif_orientation: int) -> Image.Image:
    """`image` as its photographer saw it."""
    turn = _TURNS.get(exif_orientation)
    return image if turn is None else image.transpose(turn)


def _resize(image: Image.Image, size: Size, box: Box) -> Image.Image:
    return image.resize(size, _KERNEL, box, reducing_gap=_REDUCING_GAP)


def _on_white(image: Image.Image) -> Image.Image:
    # Cut-outs and logos are made to be seen on a white page. What lies under transparent pixels is arbitrary,
    # most often black, and would otherwise become part of the picture.
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _deep_grey(image: Image.Image, size: Size, box: Box) -> NDArray[np.uint8]:
    """16-bit, 32-bit and float grey scaled to 0-255 by range, where Pillow's own conversion clips at 255."""
    values, low, high = _value_range(image)
    values -= np.float32(low)
    values *= np.float32(255.0 / (high - low) if high > low else 0.0)
    resized = np.asarray(_resize(Image.fromarray(values), size, box))
    grey: NDArray[np.uint8] = np.rint(resized.clip(0, 255)).astype(np.uint8)  # [height, width]
    return grey


def _value_range(image: Image.Image) -> tuple[NDArray[np.float32], float, float]:
    """The values, a fresh float32 array [height, width] all finite; which means black; which white."""
    raw = np.asarray(image)
    values = raw.astype(np.float32)
    if raw.dtype.kind == "u":
        return values, 0.0, 2.0 ** _bits(image) - 1
    finite = np.isfinite(values)
    if not finite.any():
        raise ValueError("no pixel holds a finite value")
    low = float(values.min(where=finite, initial=np.inf))
    high = float(values.max(where=finite, initial=-np.inf))
    if raw.dtype.kind == "i" and low >= 0 and high <= 65535:
        return values, 0.0, 65535.0  # 16-bit files that were opened as 32-bit
    # Float and 32-bit files have no agreed white: the range in use is the only one there is. Dividing first
    # keeps the difference of two huge values finite.
    values[~finite] = low
    scale = max(abs(low), abs(high), 1.0)
    values /= np.float32(scale)
    return values, low / scale, high / scale


def _bits(image: Image.Image) -> int:
    """Bits in use per sample: a 12-bit TIFF is opened as 16-bit, and its tag says so."""
    tags = getattr(image, "tag_v2", None)
    stated = tags.get(_BITS_PER_SAMPLE, (16,))[0] if tags is not None else 16
    return int(stated) if 8 < stated <= 16 else 16
