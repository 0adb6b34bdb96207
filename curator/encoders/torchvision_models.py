"""Image classifiers of torchvision with the layer that gives class scores taken away."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.encoders._checkpoint_files import read_checkpoint
from curator.encoders._families import Family, Weights
from curator.encoders._imports import load_torchvision
from curator.encoders._loaded import UNKNOWN_LICENCE, Loaded
from curator.encoders._network_access import require_reachable
from curator.encoders._state_dicts import fit_weights
from curator.errors import CuratorError
from curator_indexes.runtime import load_torch

if TYPE_CHECKING:
    import torch

_MODEL_PAGE = "https://pytorch.org/vision/stable/models.html"
_SCORE_LAYERS = ("fc", "classifier", "head", "heads")


def _names() -> list[str]:
    models = load_torchvision().models
    return [name for name in models.list_models(module=models) if len(models.get_model_weights(name))]


def _with_tag(name: str) -> bool:
    return name.partition(".")[0] in _names()


def _load(name: str, weights: Path | None) -> Loaded:
    models = load_torchvision().models
    architecture, _, tag = name.partition(".")
    preset = _preset(models, architecture, tag, fixed=weights is not None)
    model = headless(_untrained(models, architecture))
    path = weights or downloaded(preset.url, f"torchvision:{name}")
    fit_weights(model, read_checkpoint(path), path, name=f"torchvision:{name}")
    look = preset.transforms()
    side = int(look.crop_size[0])
    return Loaded(
        model,
        side,
        name=architecture if weights else f"{architecture}.{preset.name}",
        pooling="penultimate layer",
        licence=UNKNOWN_LICENCE if weights else preset.meta.get("license", f"see model page {_MODEL_PAGE}"),
        source=str(weights or preset.url),
        mean=tuple(look.mean),
        std=tuple(look.std),
        crop_fraction=min(1.0, side / int(look.resize_size[0])),
    )


def _preset(models: Any, architecture: str, tag: str, *, fixed: bool) -> Any:
    """The entry of torchvision's weights table: by tag, else the default, or for a file the first."""
    table = models.get_model_weights(architecture)
    if not tag:
        # Files from the literature were made for the first recipe's 256 -> 224, not for later recipes' sizes.
        return next(iter(table)) if fixed else table.DEFAULT
    for entry in table:
        if entry.name.lower() == tag.lower():
            return entry
    tags = ", ".join(entry.name for entry in table)
    raise CuratorError(f"torchvision has no weights {tag!r} for {architecture}: give one of {tags}")


def _untrained(models: Any, architecture: str) -> torch.nn.Module:
    # These two warn, and initialise for a minute, unless told otherwise.
    slow = architecture in ("googlenet", "inception_v3")
    options: dict[str, Any] = {"init_weights": False} if slow else {}
    network: torch.nn.Module = models.get_model(architecture, weights=None, **options)
    return network


def headless(model: torch.nn.Module) -> torch.nn.Module:
    """`model` without its last linear layer (of SqueezeNet, the convolution in its place)."""
    nn = load_torch().nn
    layer = next(name for name in _SCORE_LAYERS if hasattr(model, name))
    head = getattr(model, layer)
    if isinstance(head, nn.Linear):
        setattr(model, layer, nn.Identity())
        return model
    last = [name for name, part in head.named_children() if isinstance(part, nn.Linear | nn.Conv2d)][-1]
    setattr(head, last, nn.Identity())
    return model


def downloaded(url: str, encoder: str) -> Path:
    """Path of the file behind `url` in torch's own cache, downloaded with its checksum verified if absent."""
    torch = load_torch()
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    if not path.is_file():
        require_reachable(url, encoder=encoder, put_at=path)
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = torch.hub.HASH_REGEX.search(path.name)
        expected = digest.group(1) if digest else None
        try:
            torch.hub.download_url_to_file(url, str(path), expected, progress=sys.stderr.isatty())
        except (OSError, RuntimeError) as error:
            raise CuratorError(
                f"the download of {url} failed ({error}): try again, or put the file at {path} yourself"
            ) from error
    return path


FAMILY = Family(names=_names, accepts=_with_tag, load=_load, weights=Weights.DOWNLOADED)
