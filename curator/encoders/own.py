"""Encoders of one's own: a function that returns an `OwnEncoder`, by entry point or as module:function."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from curator.encoders._families import UNKNOWN_LICENCE, Family, feature_dim, weights_digest
from curator.encoders.spec import IMAGENET_MEAN, IMAGENET_STD, EncoderSpec
from curator.errors import CuratorError

if TYPE_CHECKING:
    import torch

GROUP = "curator.encoders"


@dataclass(frozen=True)
class OwnEncoder:
    """A network for normalised images [b, 3, s, s], giving features [b, dim], and how images are prepared.

    `version` is to be changed whenever the code changes what comes out: weights are looked at by curator
    itself, code is not. The other fields are those of `EncoderSpec`.
    """

    network: torch.nn.Module
    input_size: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    resize: str = "crop"
    crop_fraction: float = 1.0
    licence: str = UNKNOWN_LICENCE
    version: str = "1"


def _names() -> list[str]:
    return sorted(entry_points(group=GROUP).names)


def _knows(name: str) -> bool:
    module, colon, function = name.partition(":")
    return name in _names() or bool(colon and function.isidentifier() and _importable(module))


def _importable(module: str) -> bool:
    try:
        return all(part.isidentifier() for part in module.split(".")) and find_spec(module) is not None
    except (ImportError, ValueError):  # of a parent package
        return False


def _load(name: str, weights: Path | None) -> tuple[EncoderSpec, torch.nn.Module]:
    made = _made(_function(name), name, weights)
    try:
        dim = feature_dim(made.network, made.input_size)
    except (RuntimeError, ValueError, TypeError) as error:
        raise CuratorError(
            f"encoder {name} does not turn float32 [1, 3, {made.input_size}, {made.input_size}] "
            f"into features [1, dim]: {error}"
        ) from error
    spec = EncoderSpec(
        name=f"own:{name}",
        input_size=made.input_size,
        dim=dim,
        weights_sha256=weights_digest(made.network),
        pooling=f"its own, version {made.version}",
        licence=made.licence,
        source=str(weights or name),
        mean=made.mean,
        std=made.std,
        resize=made.resize,
        crop_fraction=made.crop_fraction,
    )
    return spec, made.network


def _function(name: str) -> Any:
    found = entry_points(group=GROUP, name=name)
    try:
        return next(iter(found)).load() if found else resolve_name(name)
    except (ImportError, AttributeError) as error:
        raise CuratorError(f"encoder {name} cannot be imported: {error}") from error


def _made(function: Any, name: str, weights: Path | None) -> OwnEncoder:
    if not callable(function):
        raise CuratorError(f"encoder {name} is no function: name one that returns a curator OwnEncoder")
    if weights is not None and not inspect.signature(function).parameters:
        raise CuratorError(f"encoder {name} takes no weights file: leave --weights out")
    made = function() if weights is None else function(weights)
    if not isinstance(made, OwnEncoder):
        raise CuratorError(
            f"encoder {name} returned a {type(made).__name__}: wanted a curator.encoders.OwnEncoder"
        )
    return made


FAMILY = Family(names=_names, knows=_knows, load=_load)
