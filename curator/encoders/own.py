"""Encoders of one's own: a function that returns an `OwnEncoder`, by entry point or as module:function."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from curator.encoders._families import Family, Weights
from curator.encoders._loaded import UNKNOWN_LICENCE, Loaded
from curator.errors import CuratorError

GROUP = "curator.encoders"
_FIRST = "1"  # of networks with weights that state no version: their fingerprints have always had this one


@dataclass(frozen=True, kw_only=True)
class OwnEncoder(Loaded):
    """What a function of one's own returns: a `Loaded`, of which less must be stated."""

    pooling: str = "its own"
    licence: str = UNKNOWN_LICENCE
    source: str = ""


def _names() -> list[str]:
    return sorted(entry_points(group=GROUP).names)


def _by_module(name: str) -> bool:
    module, colon, function = name.partition(":")
    return bool(colon and function.isidentifier() and _importable(module))


def _importable(module: str) -> bool:
    try:
        return all(part.isidentifier() for part in module.split(".")) and find_spec(module) is not None
    except (ImportError, ValueError):  # of a parent package
        return False


def _load(name: str, weights: Path | None) -> Loaded:
    made = _made(_function(name), name, weights)
    source = made.source or str(weights or name)
    if made.version is None and made.network.state_dict():
        return replace(made, source=source, version=_FIRST)
    return replace(made, source=source)


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


FAMILY = Family(names=_names, accepts=_by_module, load=_load, weights=Weights.OWN)
