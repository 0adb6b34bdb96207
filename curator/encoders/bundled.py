"""The network that comes with the package, and those that `curator pretrain` and `finetune` write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from curator.encoders._families import UNKNOWN_LICENCE, Family, feature_dim, weights_digest
from curator.encoders.spec import EncoderSpec
from curator.errors import CuratorError
from curator_indexes.runtime import load_torch

if TYPE_CHECKING:
    import torch

BUNDLED_WEIGHTS = Path(__file__).parent / "weights" / "bundled.safetensors"


def _load(name: str, weights: Path | None) -> tuple[EncoderSpec, torch.nn.Module]:
    load_torch()  # sets torch up before the next line imports it
    from curator.encoders import _network, _residual

    path = weights or BUNDLED_WEIGHTS
    if not path.is_file():
        raise CuratorError(f"the installation lacks its weights file {str(path)!r}: install curator again")
    if path.suffix != ".safetensors":
        raise CuratorError(
            f"{str(path)!r} does not say which network it belongs to: name the architecture, for example "
            f"--encoder resnet50 --weights {path.name}"
        )
    residual = _residual.load_residual(path)
    model = residual or _network.load_network(path)
    side = residual.config.side if residual else _network.INPUT_SIZE
    look = _residual if residual else _network
    spec = EncoderSpec(
        name=("residual" if residual else "compact") if weights else name,
        input_size=side,
        dim=feature_dim(model, side),
        weights_sha256=weights_digest(model),
        pooling="avg",
        licence=UNKNOWN_LICENCE if weights else "Apache-2.0",
        source=str(path) if weights else "bundled with curator",
        mean=look.MEAN,
        std=look.STD,
    )
    return spec, model


FAMILY = Family(names=lambda: ["bundled"], knows=lambda name: name == "bundled", load=_load)
