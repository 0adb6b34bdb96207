"""The contract that a family of encoders meets, one family per file, and the digest of their weights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from curator.encoders.spec import EncoderSpec
from curator_indexes.runtime import load_torch

if TYPE_CHECKING:
    import torch

UNKNOWN_LICENCE = "not stated by the weights file: ask where it came from"


@dataclass(frozen=True)
class Family:
    """Encoders that are found and loaded in one way.

    `names()` lists those with weights to be had, without prefix; `knows(name)` may accept more. `load(name,
    weights)` gives a spec and a network [b, 3, s, s] -> [b, dim]; `weights` None means the family's own.
    """

    names: Callable[[], list[str]]
    knows: Callable[[str], bool]
    load: Callable[[str, Path | None], tuple[EncoderSpec, torch.nn.Module]]


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


def feature_dim(model: torch.nn.Module, side: int) -> int:
    """How many features the network gives for images of `side` x `side` pixels."""
    torch = load_torch()
    with torch.inference_mode():
        shape = model.eval()(torch.zeros(1, 3, side, side)).shape
    if len(shape) != 2:
        raise ValueError(f"wanted features [b, dim] of the network, not {tuple(shape)}")
    return int(shape[1])
