"""Encoders that `curator finetune` writes: what was trained, beside the name of the network it belongs to."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curator.encoders._loaded import weights_digest
from curator.encoders.spec import EncoderSpec
from curator.errors import CuratorError
from curator_indexes.files import atomic_path
from curator_indexes.runtime import load_torch

if TYPE_CHECKING:
    import torch

    from curator.encoders._adapted import AdaptedNet
    from curator.encoders.encoder import Encoder

DESCRIPTION = "curator-finetuned"  # the entry of a weights file's metadata that describes it

LoadBase = Callable[[str, Path | None], tuple[EncoderSpec, "torch.nn.Module"]]


@dataclass(frozen=True)
class Description:
    """What a fine-tuned file says of itself: the encoder it starts from, the part trained, the classes.

    `calibration` is that of propagation on its embeddings: sharpness, weights of prior and classifier,
    and how many held-out labels they were fitted on.
    """

    base: str
    base_weights: str | None
    base_fingerprint: str
    train: str
    classes: Sequence[str]
    temperature: float
    lora_rank: int
    calibration: Sequence[float] = ()


@dataclass(frozen=True)
class Head:
    """A fine-tuned encoder's classifier on its unit embeddings: weights float32 [C, d]."""

    classes: Sequence[str]
    weights: NDArray[np.float32]
    temperature: float

    def probabilities(self, embeddings: NDArray[Any]) -> NDArray[np.float32]:
        """Class probabilities float32 [b, C] of unit embeddings [b, d]."""
        scores = embeddings.astype(np.float32) @ self.weights.T / self.temperature
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares: NDArray[np.float32] = weights / weights.sum(axis=1, keepdims=True)
        return shares


def head_of(encoder: Encoder) -> Head | None:
    """The classifier of an encoder that was fine-tuned; None for any other."""
    load_torch()
    from curator.encoders._adapted import AdaptedNet

    network = encoder.network
    if not isinstance(network, AdaptedNet):
        return None
    weights = network.top.head.weight.detach().float().cpu().numpy()
    return Head(network.classes, weights, network.top.temperature)


def save_finetuned(network: AdaptedNet, path: Path, description: Description) -> None:
    """Write the weights that were trained; `CuratorError` where the file cannot be written."""
    load_torch()
    import safetensors.torch

    from curator.encoders._adapted import trained

    weights = {name: value.detach().cpu().contiguous() for name, value in trained(network)}
    told = {DESCRIPTION: json.dumps(asdict(description), sort_keys=True)}
    try:
        with atomic_path(path) as temporary:
            safetensors.torch.save_file(weights, temporary, told)
    except (safetensors.SafetensorError, OSError) as error:
        raise CuratorError(f"cannot write the encoder to {path}: {error}") from error


def read_description(path: Path) -> Description | None:
    """What the file says of itself; None where `curator finetune` did not write it."""
    import safetensors

    if path.suffix != ".safetensors":
        return None
    try:
        with safetensors.safe_open(path, framework="np") as file:
            told = (file.metadata() or {}).get(DESCRIPTION)
        return None if told is None else Description(**json.loads(told))
    except (safetensors.SafetensorError, OSError, ValueError, TypeError):
        return None  # the family of the encoder says what is wrong with its file


def load_finetuned(
    path: Path, described: Description, load_base: LoadBase
) -> tuple[EncoderSpec, torch.nn.Module]:
    """The network of a fine-tuned file; `CuratorError` where the encoder it starts from has changed."""
    spec, body = load_base(described.base, Path(described.base_weights) if described.base_weights else None)
    if spec.fingerprint != described.base_fingerprint:
        raise CuratorError(
            f"{path} was fine-tuned from {described.base}, of which other weights (or another image decoder) "
            "are at hand now: run `curator finetune` again"
        )
    network = adapted(body, spec, described)
    _load_trained(network, path)
    return (
        replace(
            spec,
            name=f"{spec.name}+{described.train}",
            weights_sha256=weights_digest(network),
            source=str(path),
            learned=True,
        ),
        network,
    )


def adapted(body: torch.nn.Module, spec: EncoderSpec, described: Description) -> AdaptedNet:
    """`body` with a top that does nothing yet, of which the described part learns."""
    load_torch()
    from curator.encoders._adapted import AdaptedNet, Top, make_trainable

    make_trainable(body, described.train, described.lora_rank)
    top = Top(spec.dim, len(described.classes), described.temperature)
    return AdaptedNet(body, top, described.classes).eval()


def _load_trained(network: AdaptedNet, path: Path) -> None:
    import safetensors.torch

    from curator.encoders._adapted import trained

    tensors, wanted = safetensors.torch.load_file(path), {name for name, _ in trained(network)}
    if tensors.keys() != wanted:
        raise CuratorError(f"the weights in {path} do not fit their own description: fine-tune again")
    try:
        network.load_state_dict(tensors, strict=False)
    except RuntimeError as error:
        raise CuratorError(f"the weights in {path} do not fit their own description: {error}") from error
