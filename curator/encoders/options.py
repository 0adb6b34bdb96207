"""Other ways to use the same network: its tokens pooled otherwise, several views of an image, whitening.

Each is a part of the spec, and thereby of the fingerprint: embeddings made in different ways never mix.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from curator.encoders._loaded import feature_dim
from curator.encoders.encoder import Encoder
from curator.encoders.spec import EncoderSpec
from curator.encoders.whitening import Whitening
from curator.errors import CuratorError
from curator_indexes.runtime import load_torch

if TYPE_CHECKING:
    import torch

VIEWS = ("one", "flip", "crops")
POOLINGS = ("class", "patch", "both")
PRECISIONS = ("float32", "bfloat16")


def with_options(
    spec: EncoderSpec,
    model: torch.nn.Module,
    *,
    views: str = "one",
    pooling: str | None = None,
    precision: str = "float32",
) -> tuple[EncoderSpec, torch.nn.Module]:
    """Spec and network for this pooling (None leaves it to the network), precision and these views."""
    _check("views", views, VIEWS)
    _check("precision", precision, PRECISIONS)
    if pooling is not None:
        _check("pooling", pooling, POOLINGS)
    load_torch()  # sets torch up before the next line imports it
    from curator.encoders._wrappers import Lowered, Pooled, Views

    if pooling is not None:
        model = Pooled(model, pooling, spec.name)
        named = f"{spec.name}, {pooling} tokens"
        spec = replace(spec, name=named, pooling=pooling, dim=feature_dim(model, spec.input_size))
    if precision != "float32":
        if not any(True for _ in model.parameters()):  # the bundled network's words, and ONNX
            raise CuratorError(f"encoder {spec.name} computes in float32 alone: leave --precision out")
        model, spec = Lowered(model), replace(spec, name=f"{spec.name}, {precision}", precision=precision)
    if views != "one":
        model, spec = Views(model, views), replace(spec, name=f"{spec.name}, {views}", views=views)
    return spec, model


def _check(what: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise CuratorError(f"unknown {what} {given!r}: give one of {', '.join(known)}")


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
