"""Networks that turn images into embeddings: one interface, one table of families, one fingerprint."""

from curator.encoders.encoder import Encoder
from curator.encoders.own import OwnEncoder
from curator.encoders.registry import DEFAULT_ENCODER, available_encoders, load_encoder, missing_families
from curator.encoders.spec import EncoderSpec

__all__ = [
    "DEFAULT_ENCODER",
    "Encoder",
    "EncoderSpec",
    "OwnEncoder",
    "available_encoders",
    "load_encoder",
    "missing_families",
]
