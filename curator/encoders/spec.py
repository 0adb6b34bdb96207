"""What an encoder is, as a plain value: enough to prepare its images and to tell its embeddings apart."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property

from curator.errors import CuratorError
from curator.images import RESIZES, Decoded, decode_image, decoder_fingerprint

# Facts about an encoder that change no number in an embedding: the same weights moved to another folder
# make the same vectors.
_NOT_FINGERPRINTED = ("licence", "source", "learned")
# Left out of the fingerprint where they change nothing: fingerprints from before these existed stay valid.
_NEUTRAL = {"views": "one", "whitening": None, "precision": "float32"}

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
NO_WEIGHTS = hashlib.sha256().hexdigest()  # the digest of a network that has none


@dataclass(frozen=True)
class EncoderSpec:
    """One encoder: images of `input_size` pixels a side in, vectors of `dim` numbers out.

    `resize` and `crop_fraction` are handed to `curator.images.decode_image`; `mean` and `std` (RGB, on the
    scale 0 to 1) normalise its pixels; `pooling` says which features are taken, and by which version of the
    code where it has versions; `weights_sha256` covers names, shapes and values of all weights, whatever file
    they came in; `views` says over which views of an image features are averaged, `precision` what the
    network computes in; `whitening` is the digest of what was fitted on a data set's embeddings, if anything;
    `licence` and `source` are for people; `learned` is whether it was trained on labels that may be asked
    about again. Raises `CuratorError` for images that cannot be prepared as stated.
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
    learned: bool = False

    def __post_init__(self) -> None:
        possible = {
            "input_size": (self.input_size >= 1, "at least 1 pixel"),
            "std": (len(self.std) == 3 and min(self.std) > 0, "three numbers above 0"),
            "mean": (len(self.mean) == 3, "three numbers"),
            "resize": (self.resize in RESIZES, f"one of {', '.join(RESIZES)}"),
            "crop_fraction": (0 < self.crop_fraction <= 1, "above 0 and at most 1"),
        }
        for fact, (holds, wanted) in possible.items():
            if not holds:
                given = getattr(self, fact)
                raise CuratorError(f"encoder {self.name} states {fact} {given!r}: wanted {wanted}")

    @property
    def has_weights(self) -> bool:
        """Whether there is more to the encoder than code."""
        return self.weights_sha256 != NO_WEIGHTS

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
