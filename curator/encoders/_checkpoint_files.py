"""Weights from files made anywhere, read without running code: safetensors, or torch's weights_only."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from curator.errors import CuratorError
from curator_indexes.runtime import load_torch

if TYPE_CHECKING:
    import torch

_DEPTH = 4  # how far dicts of dicts are followed
# What torch answers, by version, to a pickle that asks for more than tensors.
_REFUSALS = ("Unsupported global", "Unsupported class", "GLOBAL", "forbidden")
# The first bytes of torch's old format; any other file that starts as a pickle is a bare one.
_LEGACY_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of a safetensors, .pth, .pt or .tar file, by dotted name.

    Nested dictionaries are flattened, as in "teacher.backbone.conv1.weight"; whatever is no tensor is
    left out. Raises `CuratorError` for a file that is absent, damaged, empty, or would run code when loaded.
    """
    try:
        content = _read_safetensors(path) if _is_safetensors(path) else _read_torch(path)
    except OSError as error:
        raise CuratorError(
            f"cannot read the weights file {str(path)!r}: {error.strerror or error}"
        ) from error
    tensors = dict(_flat(content, "", _DEPTH))
    if not tensors:
        raise CuratorError(
            f"the file {str(path)!r} holds no weights: save a state dict, not a script or settings"
        )
    return tensors


def _is_safetensors(path: Path) -> bool:
    """Told by the content: an 8-byte length and a JSON object. Suffixes are often wrong."""
    with path.open("rb") as file:
        head = file.read(9)
    return path.suffix == ".safetensors" or head[8:] == b"{"


def _read_safetensors(path: Path) -> Mapping[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        loaded: Mapping[str, Any] = load_file(path)
    except (SafetensorError, ValueError, KeyError, MemoryError) as error:
        raise CuratorError(
            f"the weights file {str(path)!r} is no sound safetensors file ({error}): fetch it again"
        ) from error
    return loaded


def _read_torch(path: Path) -> Any:
    torch = load_torch()
    with path.open("rb") as file:
        head = file.read(len(_LEGACY_TORCH))
    if head[:1] == _LEGACY_TORCH[:1] and head != _LEGACY_TORCH:
        raise CuratorError(_refusal(path, "a bare pickle"))
    try:
        # Checkpoints of DINO, MAE and others keep their command line: plain values in a harmless container.
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # pickle.UnpicklingError, zip and header errors of many kinds
        if isinstance(error, UnpicklingError) and any(word in str(error) for word in _REFUSALS):
            raise CuratorError(_refusal(path, _first_line(error))) from error
        raise CuratorError(
            f"the weights file {str(path)!r} is damaged or was not saved by torch "
            f"({_first_line(error)}): fetch it again, or give a .safetensors or .pth file"
        ) from error


def _refusal(path: Path, cause: str) -> str:
    return (
        f"refused to load {str(path)!r}: it holds Python objects, which could run code, and not only weights "
        f"({cause}). Where you trust it, save the weights alone: "
        "torch.save(model.state_dict(), FILE), or better a .safetensors file"
    )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in _REFUSALS)]
    if not telling and isinstance(error, UnpicklingError):
        return "no torch checkpoint inside"  # torch's own words advise to load it unsafely
    return (telling or lines or [type(error).__name__])[0].split(". ")[0][:200]


def _flat(content: Any, prefix: str, depth: int) -> list[tuple[str, torch.Tensor]]:
    tensor = load_torch().Tensor
    found: list[tuple[str, torch.Tensor]] = []
    for key, value in content.items() if isinstance(content, Mapping) else ():
        if isinstance(key, str) and isinstance(value, tensor):
            found.append((prefix + key, value))
        elif isinstance(key, str) and depth > 1:
            found += _flat(value, f"{prefix}{key}.", depth - 1)
    return found
