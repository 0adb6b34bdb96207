"""The network that comes with the package, and those that `curator pretrain` and `finetune` write."""

from __future__ import annotations

from pathlib import Path

from curator.encoders._families import Family, Weights
from curator.encoders._loaded import UNKNOWN_LICENCE, Loaded
from curator.errors import CuratorError

BUNDLED_WEIGHTS = Path(__file__).parent / "weights" / "bundled.safetensors"


def _load(name: str, weights: Path | None) -> Loaded:
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
    look = _residual if residual else _network
    return Loaded(
        model,
        residual.config.side if residual else _network.INPUT_SIZE,
        name=("residual" if residual else "compact") if weights else name,
        pooling="avg",
        licence=UNKNOWN_LICENCE if weights else "Apache-2.0",
        source=str(path) if weights else "bundled with curator",
        mean=look.MEAN,
        std=look.STD,
    )


FAMILY = Family(names=lambda: ["bundled"], load=_load, weights=Weights.INCLUDED, prefixed=False)
