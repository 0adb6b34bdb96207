"""What a family makes of a name: one value that states everything. The spec follows from it."""

from __future__ import annotations

import hashlib
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

from curator.encoders.spec import IMAGENET_MEAN, IMAGENET_STD, NO_WEIGHTS, EncoderSpec
from curator.errors import CuratorError
from curator_indexes.runtime import load_torch

if TYPE_CHECKING:
    import torch

UNKNOWN_LICENCE = "not stated by the weights file: ask where it came from"


@dataclass(frozen=True)
class Loaded:
    """A network for normalised images [b, 3, s, s], giving features [b, dim], and all there is to say of it.

    `version` is to be changed whenever the code changes what comes out: weights are looked at by curator
    itself, code is not. A network without weights must state one. `name` is the exact one within the family,
    where it says more than the name asked for; `weights_sha256` is for weights that torch does not hold. The
    other fields are those of `EncoderSpec`.
    """

    network: torch.nn.Module
    input_size: int
    _: KW_ONLY
    pooling: str
    licence: str
    source: str
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    resize: str = "crop"
    crop_fraction: float = 1.0
    version: str | None = None
    name: str | None = None
    weights_sha256: str | None = None


def spec_of(name: str, loaded: Loaded) -> EncoderSpec:
    """The spec of a network that is called `name` in full.

    Raises `CuratorError` where the network gives no features, where nothing would tell it from the same code
    changed, or for what no `EncoderSpec` may say.
    """
    digest = loaded.weights_sha256 or weights_digest(loaded.network)
    if digest == NO_WEIGHTS and loaded.version is None:
        raise CuratorError(
            f"encoder {name} has no weights and states no version: changed code would pass for the same. "
            'State version="1", and another whenever the code changes what comes out'
        )
    return EncoderSpec(
        name=name,
        input_size=loaded.input_size,
        dim=_probed(name, loaded),
        weights_sha256=digest,
        pooling=loaded.pooling + (f", version {loaded.version}" if loaded.version else ""),
        licence=loaded.licence,
        source=loaded.source,
        mean=loaded.mean,
        std=loaded.std,
        resize=loaded.resize,
        crop_fraction=loaded.crop_fraction,
    )


def weights_digest(model: torch.nn.Module) -> str:
    """SHA-256 hex over names, types, shapes and bytes of all weights, the same for every file format."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if name.endswith("num_batches_tracked"):  # counts training steps and touches no feature
            continue
        values = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {values.dtype} {tuple(values.shape)}\n".encode())
        digest.update(values.view(load_torch().uint8).numpy().tobytes() if values.ndim else _scalar(values))
    return digest.hexdigest()


def _scalar(value: torch.Tensor) -> bytes:
    return repr(value.item()).encode()


def _probed(name: str, loaded: Loaded) -> int:
    side = loaded.input_size
    try:
        return feature_dim(loaded.network, side)
    except Exception as error:  # ONNX Runtime has kinds of its own, and code of one's own raises anything
        raise CuratorError(
            f"encoder {name} does not turn float32 [1, 3, {side}, {side}] into features [1, dim]: {error}"
        ) from error


def feature_dim(model: torch.nn.Module, side: int) -> int:
    """How many features the network gives for images of `side` x `side` pixels; ValueError where none."""
    torch = load_torch()
    with torch.inference_mode():
        features = model.eval()(torch.zeros(1, 3, side, side))
    shape = tuple(features.shape)
    if len(shape) != 2 or shape[0] != 1 or not shape[1]:
        raise ValueError(f"wanted features [b, dim] of the network, not {shape}")
    return int(shape[1])
