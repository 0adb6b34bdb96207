"""What an encoder is, as a plain value: enough to prepare its images and to tell its embeddings apart."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property

from curator.images import Decoded, decode_image, decoder_fingerprint

# Facts about an encoder that change no number in an embedding: the same weights moved to another folder
# make the same vectors.
_NOT_FINGERPRINTED = ("licence", "source")
# Left out of the fingerprint where they change nothing: fingerprints from before these existed stay valid.
_NEUTRAL = {"views": "one", "whitening": None, "precision": "float32"}

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class EncoderSpec:
    """One encoder: images of `input_size` pixels a side in, vectors of `dim` numbers out.

    `resize` and `crop_fraction` are handed to `curator.images.decode_image`; `mean` and `std` (RGB, on the
    scale 0 to 1) normalise its pixels; `pooling` says which features are taken; `weights_sha256` covers
    names, shapes and values of all weights, whatever file they came in; `views` says over which views of an
    image features are averaged, `precision` what the network computes in; `whitening` is the digest of what
    was fitted on a data set's embeddings, if anything; `licence` and `source` are for people.
    """

    name: str
    input_size: int
    dim: int
    weights_sha256: str
    pooling: str
    licence: str
    source: str
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    resize: str = "crop"
    crop_fraction: float = 1.0
    views: str = "one"
    whitening: str | None = None
    precision: str = "float32"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 hex of all that decides the vectors, the decoder's version among it."""
        facts = {
            key: value
            for key, value in asdict(self).items()
            if key not in _NOT_FINGERPRINTED and (key not in _NEUTRAL or value != _NEUTRAL[key])
        }
        facts["decoder"] = decoder_fingerprint()
        return hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def decode(self, data: bytes) -> Decoded:
        """The pixels this encoder wants of an image file; raises `curator.images.UnreadableImageError`."""
        return decode_image(data, self.input_size, resize=self.resize, crop_fraction=self.crop_fraction)
