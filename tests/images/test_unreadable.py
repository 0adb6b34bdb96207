"""Broken files, bombs and files that are no images: each refused with its reason, and with no other error."""

import contextlib
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from curator.images import UnreadableImageError, decode_image
from curator.images.reasons import REASONS
from tests.images.image_files import FORMATS, photo, png_claiming, reason_of

NOT_IMAGES = {
    "text": (b"just some words", "not_an_image"),
    "html": (b"\n <!DOCTYPE html><html><body>404</body></html>", "not_an_image"),
    "json": (b'{"error": "not found"}', "not_an_image"),
    "git-lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "not_an_image"),
    "zip": (b"PK\x03\x04" + bytes(50), "not_an_image"),
    "zeros": (bytes(5000), "not_an_image"),
    "one byte": (b"\xff", "not_an_image"),
    "empty": (b"", "empty"),
    "svg": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "unsupported_format"),
    "pdf": (b"%PDF-1.7", "unsupported_format"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0", "unsupported_format"),
    "psd": (b"8BPS\x00\x01", "unsupported_format"),
    "fits": (b"SIMPLE  =                    T", "unsupported_format"),
    "heic": (b"\x00\x00\x00\x18ftypheic", "unsupported_format"),
    "avif": (b"\x00\x00\x00\x1cftypavif", "unsupported_format"),
    "ico": (b"\x00\x00\x01\x00\x01\x00", "unsupported_format"),
    "dicom": (bytes(128) + b"DICM", "unsupported_format"),
}


@pytest.mark.parametrize("name", NOT_IMAGES)
def test_what_is_no_image_is_refused_by_its_bytes(name: str) -> None:
    data, reason = NOT_IMAGES[name]
    assert reason_of(data) == reason


@pytest.mark.parametrize("fmt", ["ICO", "PPM", "TGA", "PCX", "PDF", "EPS", "JPEG2000", "DDS"])
def test_formats_off_the_list_are_refused_though_pillow_reads_them(fmt: str) -> None:
    assert reason_of(photo(fmt)) in ("unsupported_format", "not_an_image")


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_a_file_cut_short_is_truncated(fmt: str, share: float) -> None:
    data = photo(fmt, 200, 150)
    assert reason_of(data[: max(9, int(len(data) * share))]) == "truncated"


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # so Pillow says of TIFF directories cut short
@pytest.mark.parametrize("compression", ["tiff_lzw", "jpeg", "tiff_deflate"])
def test_a_compressed_tiff_cut_short_is_truncated(compression: str) -> None:
    data = photo("TIFF", 200, 150, compression=compression)
    assert reason_of(data[: len(data) // 2]) == "truncated"


def test_a_png_with_a_flipped_byte_is_corrupt() -> None:
    data = bytearray(photo("PNG", 64, 64))
    data[len(data) // 2] ^= 0xFF
    assert reason_of(bytes(data)) == "corrupt"


def test_bombs_are_refused_before_they_are_decoded() -> None:
    assert reason_of(png_claiming(40_000, 40_000)) == "decompression_bomb"
    assert reason_of(png_claiming(2**31 - 1, 2**31 - 1)) == "decompression_bomb"
    assert reason_of(photo("PNG", 20, 20), pixel_limit=399) == "decompression_bomb"
    assert decode_image(photo("PNG", 20, 20), 8, pixel_limit=400).width == 20


def test_between_pillows_warning_and_error_there_is_no_warning() -> None:
    # 11 000 x 11 000 lies where `Image.open` warns; here it fails only for the pixels it lacks.
    assert reason_of(png_claiming(11_000, 11_000)) == "corrupt"


def test_pillows_settings_are_left_alone() -> None:
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    decode_image(photo(), 8)
    assert (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES) == before == (89_478_485, False)


@given(st.binary(max_size=300), st.sampled_from([b"", *(photo(fmt, 9, 7)[:24] for fmt in FORMATS)]))
@settings(max_examples=150, deadline=None)
def test_garbage_raises_only_unreadable(garbage: bytes, head: bytes) -> None:
    assert reason_of(head + garbage) in REASONS


@given(st.sampled_from(FORMATS), st.integers(0, 10_000), st.integers(1, 255), st.integers(1, 9))
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_decodes_or_is_unreadable(fmt: str, place: int, flip: int, length: int) -> None:
    data = bytearray(photo(fmt, 24, 18))
    start = place % len(data)
    data[start : start + length] = bytes(byte ^ flip for byte in data[start : start + length])
    with contextlib.suppress(UnreadableImageError):
        assert decode_image(bytes(data), 8).pixels.shape == (8, 8, 3)


def test_the_error_survives_pickling_between_worker_processes() -> None:
    error = pickle.loads(pickle.dumps(UnreadableImageError("empty", "holds no bytes")))
    assert (error.reason, error.message) == ("empty", "holds no bytes")
