"""Other ways to use the same network: its tokens pooled otherwise, several views of an image, whitening.

Each is a part of the spec, and thereby of the fingerprint: embeddings made in different ways never mix.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from curator.encoders._families import feature_dim
from curator.encoders.encoder import Encoder
from curator.encoders.spec import EncoderSpec
from curator.errors import CuratorError
from curator.whitening import Whitening
from curator_indexes.runtime import load_torch

if TYPE_CHECKING:
    import torch

VIEWS = ("one", "flip", "crops")
POOLINGS = ("class", "patch", "both")


def with_options(
    spec: EncoderSpec, model: torch.nn.Module, *, views: str = "one", pooling: str | None = None
) -> tuple[EncoderSpec, torch.nn.Module]:
    """Spec and network for these views and this pooling; None leaves the pooling to the network."""
    if views not in VIEWS:
        raise CuratorError(f"unknown views {views!r}: give one of {', '.join(VIEWS)}")
    if pooling is not None and pooling not in POOLINGS:
        raise CuratorError(f"unknown pooling {pooling!r}: give one of {', '.join(POOLINGS)}")
    load_torch()  # sets torch up before the next line imports it
    from curator.encoders._wrappers import Pooled, Views

    if pooling is not None:
        model = Pooled(model, pooling, spec.name)
        named = f"{spec.name}, {pooling} tokens"
        spec = replace(spec, name=named, pooling=pooling, dim=feature_dim(model, spec.input_size))
    if views != "one":
        model, spec = Views(model, views), replace(spec, name=f"{spec.name}, {views}", views=views)
    return spec, model


def whitened_spec(spec: EncoderSpec, whitening: Whitening) -> EncoderSpec:
    """The spec of the encoder that whitens what an encoder of `spec` gives."""
    return replace(spec, name=f"{spec.name}, whitened", dim=whitening.dim, whitening=whitening.sha256)


def whitened(encoder: Encoder, whitening: Whitening) -> Encoder:
    """The same encoder with its embeddings whitened."""
    torch = load_torch()
    from curator.encoders._wrappers import Whitened

    model = Whitened(
        encoder.network, torch.from_numpy(whitening.center), torch.from_numpy(whitening.projection)
    )
    spec = whitened_spec(encoder.spec, whitening)
    return Encoder(spec, model, device=encoder.device, batch_size=encoder.batch_size)
