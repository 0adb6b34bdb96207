"""Which images a folder or other source holds, and their pixels: nothing here knows of labels or storage."""

from curator.images.decode import (
    DECODER_FINGERPRINT,
    PIXEL_LIMIT,
    RESIZES,
    Decoded,
    Whole,
    decode_image,
    decode_whole,
    decoder_fingerprint,
)
from curator.images.entry import IMAGE_EXTENSIONS
from curator.images.preview import preview_jpeg
from curator.images.read import READ_LIMIT, image_facts, read_image
from curator.images.reasons import UnreadableImageError
from curator.images.scan import Found, scan
from curator.images.sources import checked_place, checked_source

__all__ = [
    "DECODER_FINGERPRINT",
    "IMAGE_EXTENSIONS",
    "PIXEL_LIMIT",
    "READ_LIMIT",
    "RESIZES",
    "Decoded",
    "Found",
    "UnreadableImageError",
    "Whole",
    "checked_place",
    "checked_source",
    "decode_image",
    "decode_whole",
    "decoder_fingerprint",
    "image_facts",
    "preview_jpeg",
    "read_image",
    "scan",
]
