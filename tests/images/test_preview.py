"""Previews: the whole image, upright, no larger than asked, and nothing of the file but pixels."""

import io

import numpy as np
import pytest
from PIL import ExifTags, Image

from curator.images import UnreadableImageError, preview_jpeg


def written(image: Image.Image, kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


@pytest.mark.parametrize(
    ("size", "expected"),
    [((640, 480), (64, 48)), ((10, 20), (10, 20)), ((1, 1000), (1, 64)), ((64, 64), (64, 64))],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_whole_image_no_larger_than_asked(
    size: tuple[int, int], expected: tuple[int, int], kind: str
) -> None:
    made = Image.open(io.BytesIO(preview_jpeg(written(Image.new("RGB", size, "red"), kind), 64)))
    assert (made.format, made.mode, made.size) == ("JPEG", "RGB", expected)
    assert np.abs(np.asarray(made).astype(int) - [254, 0, 0]).max() < 10


def test_it_is_upright_and_carries_no_metadata() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.ImageDescription] = "<script>"
    made = preview_jpeg(written(Image.new("RGB", (40, 20)), "JPEG", exif=exif), 64)
    assert Image.open(io.BytesIO(made)).size == (20, 40)
    assert b"script" not in made


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "I;16", "CMYK"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    kind = "TIFF" if mode in ("CMYK", "I;16") else "PNG"
    made = preview_jpeg(written(Image.new(mode, (30, 30)), kind), 16)
    assert Image.open(io.BytesIO(made)).size == (16, 16)


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"<html></html>", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableImageError):
        preview_jpeg(data, 64)
