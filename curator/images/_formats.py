"""What kind of file some bytes are, told from the bytes themselves and never from the name."""

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from curator.images.reasons import UnreadableImageError

# The six formats that are read. A plugin is called directly, not through `Image.open`: that would warn of a
# large image by way of process-wide settings (`MAX_IMAGE_PIXELS`, the warnings filter), which threads cannot
# share, and could reach plugins that run other programs (EPS).
_SIGNATURES: tuple[tuple[bytes, str, type[ImageFile.ImageFile]], ...] = (
    (b"\xff\xd8\xff", "JPEG", JpegImagePlugin.JpegImageFile),
    (b"\x89PNG\r\n\x1a\n", "PNG", PngImagePlugin.PngImageFile),
    (b"GIF87a", "GIF", GifImagePlugin.GifImageFile),
    (b"GIF89a", "GIF", GifImagePlugin.GifImageFile),
    (b"BM", "BMP", BmpImagePlugin.BmpImageFile),
    (b"II*\x00", "TIFF", TiffImagePlugin.TiffImageFile),
    (b"MM\x00*", "TIFF", TiffImagePlugin.TiffImageFile),
    (b"II+\x00", "TIFF", TiffImagePlugin.TiffImageFile),
    (b"MM\x00+", "TIFF", TiffImagePlugin.TiffImageFile),
)

# Formats worth naming in the refusal: (offset, signature, name).
_REFUSED: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript"),
    (0, b"8BPS", "Photoshop"),
    (0, b"SIMPLE  =", "FITS"),
    (0, b"\x00\x00\x01\x00", "ICO"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftypavis", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftyphev", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftyp", "video"),
    (0, b"\x1aE\xdf\xa3", "video"),
    (128, b"DICM", "DICOM"),
)

# Files that were never images, told by how their text or header starts: (start, what it is, what to do).
_NEVER_IMAGES: tuple[tuple[bytes, str, str], ...] = (
    (b"<!doctype html", "a web page", "the download failed: fetch the image again"),
    (b"<html", "a web page", "the download failed: fetch the image again"),
    (b"<?xml", "an XML document", "the download failed, or this was never an image"),
    (b"version https://git-lfs", "a Git LFS pointer", "run `git lfs pull` to fetch the image itself"),
    (b"{", "JSON text", "the download failed, or this was never an image"),
    (b"pk\x03\x04", "a ZIP archive", "unpack it first"),
)

ACCEPTED = "JPEG, PNG, WebP, BMP, TIFF or GIF"


def plugin_for(data: bytes) -> tuple[str, type[ImageFile.ImageFile]]:
    """Name and reader of the format that `data` starts with; raises `UnreadableImageError` for any other."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP", WebPImagePlugin.WebPImageFile
    for signature, name, plugin in _SIGNATURES:
        if data.startswith(signature):
            return name, plugin
    raise _refusal(data)


def ends_early(data: bytes, name: str, said: str) -> bool:
    """Whether a file lacks its end, as broken downloads do; `said` is what its reader answered."""
    if name == "JPEG":
        return b"\xff\xd9" not in data[-64:]
    if name == "PNG":
        return b"IEND" not in data[-64:]
    if name == "GIF":
        return b";" not in data[-1:]
    return len(data) < _stated_length(data, name) or (name == "TIFF" and "truncated" in said)


def _stated_length(data: bytes, name: str) -> int:
    """Least length in bytes that the header claims for a WebP, BMP or TIFF."""
    if name == "WEBP":
        return 8 + int.from_bytes(data[4:8], "little")
    if name == "BMP":
        return max(54, int.from_bytes(data[2:6], "little"))
    # A TIFF's header points at its directory, which writers put first or last.
    return 6 + int.from_bytes(data[4:8], "little" if data[:2] == b"II" else "big")


def _refusal(data: bytes) -> UnreadableImageError:
    for offset, signature, name in _REFUSED:
        if data[offset : offset + len(signature)] == signature:
            return _unsupported(name)
    head = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if b"<svg" in head:
        return _unsupported("SVG")
    for start, what, advice in _NEVER_IMAGES:
        if head.startswith(start):
            return UnreadableImageError("not_an_image", f"holds {what}, not an image: {advice}")
    return UnreadableImageError(
        "not_an_image", f"does not begin as {ACCEPTED} files do: replace or remove it"
    )


def _unsupported(name: str) -> UnreadableImageError:
    return UnreadableImageError(
        "unsupported_format", f"holds {name}; what is read is {ACCEPTED}: convert it to PNG or JPEG"
    )
