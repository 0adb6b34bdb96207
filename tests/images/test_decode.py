"""Decoding: every mode and format to RGB, every turn undone, in one shape and on any thread."""

import io
import struct
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from curator.images import DECODER_FINGERPRINT, decode_image, decoder_fingerprint
from tests.images.image_files import FORMATS, assert_close, encoded, photo, picture, reason_of

PHOTOGRAPHS = Path(__file__).parents[3] / "shared" / "data" / "imagenette-mini.zip"


def centre_square(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """The oracle: cut out the centre square of an RGB image, then resize with the same kernel."""
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box))


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize(("width", "height"), [(48, 32), (32, 48), (32, 32), (7, 5)])
def test_every_format_decodes_to_the_centre_square(fmt: str, width: int, height: int) -> None:
    data = photo(fmt, width, height)
    with Image.open(io.BytesIO(data)) as image:
        wanted = centre_square(image.convert("RGB"), 16)
    decoded = decode_image(data, 16)
    assert decoded.pixels.dtype == np.uint8
    assert decoded.pixels.shape == (16, 16, 3)
    assert decoded.pixels.flags.c_contiguous
    assert (decoded.width, decoded.height) == (width, height)
    assert_close(decoded.pixels, wanted, worst=0, mean=0)


def test_an_image_of_the_wanted_size_is_left_as_it_is() -> None:
    data = photo("PNG", 32, 32)
    assert_close(decode_image(data, 32).pixels, picture(32, 32), worst=0, mean=0)


def test_squash_shows_the_whole_image() -> None:
    data = photo("PNG", 64, 16)
    wanted = Image.fromarray(picture(64, 16)).resize((16, 16), Image.Resampling.BICUBIC, reducing_gap=3.0)
    assert_close(decode_image(data, 16, resize="squash").pixels, np.asarray(wanted), worst=0, mean=0)


def test_crop_fraction_cuts_the_middle_out() -> None:
    middle = Image.fromarray(picture(64, 64)[16:48, 16:48])
    got = decode_image(photo("PNG", 64, 64), 32, crop_fraction=0.5).pixels
    assert_close(got, np.asarray(middle), worst=0, mean=0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("resize", ["crop", "squash"])
def test_exif_orientation_is_applied_once(fmt: str, orientation: int, resize: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = photo(fmt, 48, 32, exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    wanted = (
        centre_square(upright, 16)
        if resize == "crop"
        else np.asarray(upright.resize((16, 16), Image.Resampling.BICUBIC))
    )
    decoded = decode_image(data, 16, resize=resize)
    assert (decoded.width, decoded.height) == upright.size
    assert_close(decoded.pixels, wanted, worst=1, mean=0.5)


def test_orientation_six_turns_a_quarter_clockwise() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    got = decode_image(photo("PNG", 32, 32, exif=exif), 32).pixels
    assert_close(got, np.rot90(picture(32, 32), -1), worst=0, mean=0)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_does_not_cost_the_image() -> None:
    damaged = photo("JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff garbage")
    assert_close(decode_image(damaged, 16).pixels, decode_image(photo("JPEG"), 16).pixels, worst=0, mean=0)


HELD = {
    "PNG": ["1", "L", "LA", "P", "RGBA"],
    "JPEG": ["1", "L", "CMYK", "YCbCr"],
    "BMP": ["1", "L", "P", "RGBA"],
    "TIFF": ["1", "L", "LA", "P", "PA", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB"],
    "WEBP": ["L", "RGBA"],
    "GIF": ["1", "L", "P"],
}


@pytest.mark.parametrize(("fmt", "mode"), [(fmt, mode) for fmt, modes in HELD.items() for mode in modes])
def test_every_mode_that_a_format_can_hold_becomes_rgb(fmt: str, mode: str) -> None:
    rgb = Image.fromarray(picture(64, 64))
    data = encoded(_lab(rgb) if mode == "LAB" else rgb.convert(mode), fmt)
    wanted = np.asarray(rgb.convert("L").convert("RGB") if mode in ("1", "L", "LA") else rgb)
    assert_close(decode_image(data, 64).pixels.mean((0, 1)), wanted.mean((0, 1)), worst=6, mean=6)


def _lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    steps = ImageCms.buildTransform(*profiles, "RGB", "LAB")
    converted = ImageCms.applyTransform(image, steps)
    assert converted is not None
    return converted


def test_an_inverted_adobe_cmyk_jpeg_is_not_a_negative() -> None:
    data = encoded(Image.fromarray(picture(64, 64)).convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in data
    assert_close(decode_image(data, 64).pixels, picture(64, 64), worst=40, mean=4)


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_sixteen_bit_grey_equals_its_eight_bit_copy(byte_order: str) -> None:
    eight = picture(40, 40)[..., 2]
    deep = Image.fromarray(eight.astype(np.uint16) * 257)
    data = encoded(deep, "PNG") if byte_order == "<" else _big_endian_tiff(deep)
    assert_close(decode_image(data, 40).pixels, np.stack([eight] * 3, axis=-1), worst=0, mean=0)


def _big_endian_tiff(image: Image.Image) -> bytes:
    return encoded(Image.frombytes("I;16B", image.size, np.asarray(image).astype(">u2").tobytes()), "TIFF")


def twelve_bit_tiff(width: int, value: int) -> bytes:
    """One row of `width` (even) pixels of one 12-bit `value`; Pillow reads such files but writes none."""
    strip = ((value << 12 | value).to_bytes(3, "big")) * (width // 2)
    tags = {256: width, 257: 1, 258: 12, 259: 1, 262: 1, 277: 1, 278: 1, 279: len(strip)}
    tags[273] = 8 + 2 + 12 * (len(tags) + 1) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, number) for tag, number in sorted(tags.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + strip


@pytest.mark.parametrize(("value", "wanted"), [(0, 0), (2048, 128), (4095, 255)])
def test_twelve_bit_grey_is_scaled_by_its_own_range(value: int, wanted: int) -> None:
    assert set(np.unique(decode_image(twelve_bit_tiff(8, value), 4).pixels)) == {wanted}


def test_16_bit_values_in_a_32_bit_file_are_not_clipped() -> None:
    values = np.linspace(0, 65535, 256, dtype=np.int32).reshape(16, 16)
    got = decode_image(encoded(Image.fromarray(values), "TIFF"), 16).pixels
    assert_close(got[..., 0], np.rint(values / 257).astype(np.uint8), worst=0, mean=0)


def test_32_bit_values_are_rescaled_by_their_range() -> None:
    values = np.array([[-(2**31), 0, 2**31 - 1]] * 3, np.int32)
    got = decode_image(encoded(Image.fromarray(values), "TIFF"), 3).pixels
    assert got[1, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (-3.0, 5.0), (1e30, 3e38), (-3e38, 3e38), (0.0, 1e-30)]
)
def test_float_tiff_is_rescaled_by_its_finite_range(low: float, high: float) -> None:
    share = np.linspace(0, 1, 256, dtype=np.float64).reshape(16, 16)
    values = (low * (1 - share) + high * share).astype(np.float32)
    got = decode_image(encoded(Image.fromarray(values), "TIFF"), 16).pixels
    assert_close(got[..., 0], np.rint(share * 255).astype(np.uint8), worst=1, mean=0.1)


def test_float_tiff_with_nan_and_infinity_takes_them_as_black() -> None:
    values = np.ones((16, 16), np.float32)
    values[:8] = 0.5
    values[0, :3] = np.nan, np.inf, -np.inf
    got = decode_image(encoded(Image.fromarray(values), "TIFF"), 16).pixels
    assert set(np.unique(got)) == {0, 255}
    assert reason_of(encoded(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF")) == "corrupt"


def test_constant_float_tiff_is_black() -> None:
    assert (
        decode_image(encoded(Image.fromarray(np.full((4, 4), 7.0, np.float32)), "TIFF"), 8).pixels.max() == 0
    )


@pytest.mark.parametrize("fmt", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_laid_on_white(fmt: str) -> None:
    rgba = np.zeros((32, 32, 4), np.uint8)  # black below what cannot be seen
    rgba[:, 16:] = (200, 0, 0, 255)
    got = decode_image(
        encoded(Image.fromarray(rgba), fmt, **({"lossless": True} if fmt == "WEBP" else {})), 32
    ).pixels
    assert_close(got[:, :14], np.full((32, 14, 3), 255, np.uint8), worst=0, mean=0)
    assert_close(got[:, 18:], np.full((32, 14, 3), (200, 0, 0), np.uint8), worst=0, mean=0)


@pytest.mark.parametrize("transparency", [0, bytes([0, 255])])
def test_a_transparent_palette_entry_is_white(transparency: int | bytes) -> None:
    image = Image.new("P", (16, 16), 0)
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.paste(1, (8, 0, 16, 16))
    got = decode_image(encoded(image, "PNG", transparency=transparency), 16).pixels
    assert got[8, 2].tolist() == [255, 255, 255]
    assert got[8, 13].tolist() == [10, 20, 30]


@pytest.mark.parametrize("fmt", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_of_an_animation_counts(fmt: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue", "green")]
    options: dict[str, object] = {"lossless": True} if fmt == "WEBP" else {}
    data = encoded(frames[0], fmt, save_all=True, append_images=frames[1:], **options)
    assert_close(decode_image(data, 8).pixels, np.full((8, 8, 3), (255, 0, 0), np.uint8), worst=2, mean=2)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 10_000), (10_000, 1), (2, 3), (65_000, 2)])
@pytest.mark.parametrize("resize", ["crop", "squash"])
def test_extreme_shapes(width: int, height: int, resize: str) -> None:
    decoded = decode_image(photo("PNG", width, height), 32, resize=resize)
    assert decoded.pixels.shape == (32, 32, 3)
    assert (decoded.width, decoded.height) == (width, height)


def test_a_large_jpeg_is_decoded_small_and_looks_the_same() -> None:
    data = photo("JPEG", 1600, 1200, quality=95)
    with Image.open(io.BytesIO(data)) as image:
        wanted = centre_square(image.convert("RGB"), 64)
    decoded = decode_image(data, 64)
    assert (decoded.width, decoded.height) == (1600, 1200)
    assert_close(decoded.pixels, wanted, worst=8, mean=1)


def test_an_icc_profile_changes_nothing() -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    with_profile = photo("PNG", icc_profile=profile)
    assert_close(
        decode_image(with_profile, 16).pixels, decode_image(photo("PNG"), 16).pixels, worst=0, mean=0
    )


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40), st.sampled_from(["PNG", "JPEG", "GIF"]))
@settings(max_examples=60, deadline=None)
def test_any_shape_to_any_size(width: int, height: int, size: int, fmt: str) -> None:
    decoded = decode_image(photo(fmt, width, height), size)
    assert decoded.pixels.shape == (size, size, 3)
    assert (decoded.width, decoded.height) == (width, height)


def test_threads_give_the_same_bytes() -> None:
    files = [photo(fmt, 300, 200) for fmt in FORMATS] * 5
    with ThreadPoolExecutor(4) as pool:
        threaded = [
            decoded.pixels.tobytes() for decoded in pool.map(lambda data: decode_image(data, 32), files)
        ]
    assert threaded == [decode_image(data, 32).pixels.tobytes() for data in files]


@pytest.mark.parametrize(
    "options", [{"size": 0}, {"resize": "stretch"}, {"crop_fraction": 0.0}, {"crop_fraction": 1.1}]
)
def test_wrong_arguments_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"size|resize|crop_fraction"):
        decode_image(photo(), **{"size": 8, **options})  # type: ignore[arg-type]


def test_the_fingerprint_names_decoder_kernel_and_version() -> None:
    assert decoder_fingerprint() == DECODER_FINGERPRINT
    assert PIL.__version__ in DECODER_FINGERPRINT
    assert "bicubic" in DECODER_FINGERPRINT


@pytest.mark.skipif(not PHOTOGRAPHS.exists(), reason="needs the shared photographs (imagenette-mini.zip)")
def test_real_photographs_decode_close_to_the_plain_pipeline() -> None:
    with zipfile.ZipFile(PHOTOGRAPHS) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(".jpeg")][::60]
        assert names
        for name in names:
            data = archive.read(name)
            with Image.open(io.BytesIO(data)) as image:
                wanted = centre_square(image.convert("RGB"), 96)
            assert_close(decode_image(data, 96).pixels, wanted, worst=255, mean=1.5)
            assert reason_of(data[: len(data) // 2]) == "truncated"
