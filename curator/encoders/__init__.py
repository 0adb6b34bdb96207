"""Networks that turn images into embeddings: one interface, one table of families, one fingerprint."""

from curator.encoders.encoder import Encoder
from curator.encoders.own import OwnEncoder
from curator.encoders.registry import available_encoders, load_encoder
from curator.encoders.spec import EncoderSpec

__all__ = ["Encoder", "EncoderSpec", "OwnEncoder", "available_encoders", "load_encoder"]
