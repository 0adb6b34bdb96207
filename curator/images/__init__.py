"""Which image files a folder holds, and their pixels: nothing here knows of labels, storage or networks."""

from curator.images.decode import (
    DECODER_FINGERPRINT,
    PIXEL_LIMIT,
    Decoded,
    Whole,
    decode_image,
    decode_whole,
    decoder_fingerprint,
)
from curator.images.preview import preview_jpeg
from curator.images.read import READ_LIMIT, read_image
from curator.images.reasons import UnreadableImageError
from curator.images.scan import IMAGE_EXTENSIONS, Found, scan

__all__ = [
    "DECODER_FINGERPRINT",
    "IMAGE_EXTENSIONS",
    "PIXEL_LIMIT",
    "READ_LIMIT",
    "Decoded",
    "Found",
    "UnreadableImageError",
    "Whole",
    "decode_image",
    "decode_whole",
    "decoder_fingerprint",
    "preview_jpeg",
    "read_image",
    "scan",
]
