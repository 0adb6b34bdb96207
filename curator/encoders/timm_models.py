"""Any image model of timm, as features without a classifier: DINO, DINOv2, MAE, SigLIP and hundreds more."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.encoders._checkpoint_files import read_checkpoint
from curator.encoders._families import Extra, Family, Weights
from curator.encoders._imports import load_timm
from curator.encoders._loaded import UNKNOWN_LICENCE, Loaded
from curator.encoders._network_access import require_reachable
from curator.encoders._state_dicts import Adapt, State, fit_weights
from curator.errors import CuratorError
from curator_indexes.runtime import load_torch

if TYPE_CHECKING:
    import torch

_SITE = "https://huggingface.co"
_SAVED_AS = ("model.safetensors", "pytorch_model.bin")


def _names() -> list[str]:
    names: list[str] = load_timm().list_pretrained()
    return names


def _with_tag_or_size(name: str) -> bool:
    return bool(load_timm().is_model(_split(name)[0].partition(".")[0]))


def _split(name: str) -> tuple[str, int | None]:
    """`vit_small_patch14_dinov2.lvd142m@224` -> the model's name, and the input size wished for in pixels."""
    model, at, side = name.partition("@")
    if at and not (side.isdecimal() and int(side) > 0):
        raise CuratorError(f"in timm:{name} a number of pixels is wanted after @, such as {model}@224")
    return model, int(side) if at else None


def _load(name: str, weights: Path | None) -> Loaded:
    timm = load_timm()
    wished, side = _split(name)
    model = _trained(timm, wished, side) if weights is None else _built(timm, wished, side)
    if weights is not None:
        fit_weights(model, read_checkpoint(weights), weights, name=f"timm:{name}", adapt=_adapter(model))
    facts, look = model.pretrained_cfg, timm.data.resolve_model_data_config(model)
    page = facts.get("hf_hub_id") or facts.get("url") or ""
    return Loaded(
        model,
        side or int(look["input_size"][-1]),
        name=_full_name(facts) + (f"@{side}" if side else ""),
        pooling=_pooling(model),
        licence=UNKNOWN_LICENCE if weights else facts.get("license") or f"see model page {_SITE}/{page}",
        source=str(weights or page),
        mean=tuple(look["mean"]),
        std=tuple(look["std"]),
        resize="squash" if look["crop_mode"] == "squash" else "crop",
        crop_fraction=min(1.0, float(look["crop_pct"])),
    )


def _full_name(facts: dict[str, Any]) -> str:
    """Architecture and tag: which mean, deviation and size go with the weights depends on the tag."""
    return ".".join(filter(None, (facts["architecture"], facts.get("tag"))))


def _built(timm: Any, name: str, side: int | None, **options: Any) -> Any:
    """The network without a classifier. Vision transformers must be told their input size."""
    options["num_classes"] = 0
    try:
        if side is None:
            return timm.create_model(name, **options)
        try:
            return timm.create_model(name, img_size=side, **options)
        except TypeError:
            return timm.create_model(name, **options)
    except (RuntimeError, ValueError, OSError) as error:
        raise CuratorError(f"timm cannot load {name} ({' '.join(str(error).split())[:300]})") from error


def _trained(timm: Any, name: str, side: int | None) -> Any:
    """The network with timm's published weights, without network traffic if they are on this machine."""
    try:
        facts = timm.get_pretrained_cfg(name)
    except RuntimeError as error:
        raise CuratorError(f"timm has no weights {name} ({error})") from error
    page, url = (str(getattr(facts, key, None) or "") for key in ("hf_hub_id", "url"))
    if not page and not url:
        raise CuratorError(
            f"timm has no weights for {name}: pass a file, --encoder timm:{name} --weights FILE"
        )
    kept = _checkpoint_folder() / (f"{_full_name(facts.to_dict())}.safetensors" if page else Path(url).name)
    local = str(kept) if kept.is_file() else _in_hub_cache(facts) if page else None
    if local is None:
        address = (
            f"{os.environ.get('HF_ENDPOINT', _SITE)}/{page}/resolve/main/{_SAVED_AS[0]}" if page else url
        )
        require_reachable(address, encoder=f"timm:{name}", put_at=kept)
    overlay = {"file": local} if local else None
    return _built(timm, name, side, pretrained=True, pretrained_cfg_overlay=overlay)


def _checkpoint_folder() -> Path:
    return Path(load_torch().hub.get_dir()) / "checkpoints"


def _in_hub_cache(facts: Any) -> str | None:
    """Path of the weights in Hugging Face's own cache, if an earlier download left them there."""
    from huggingface_hub import try_to_load_from_cache

    for file in (facts.hf_hub_filename,) if facts.hf_hub_filename else _SAVED_AS:
        path = try_to_load_from_cache(facts.hf_hub_id, file)
        if isinstance(path, str):
            return path
    return None


def _adapter(model: torch.nn.Module) -> Adapt | None:
    """How timm itself translates foreign names and position embeddings for this kind of network."""
    translate = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    if translate is None:
        return None

    def adapt(state: State) -> State:
        try:
            translated: State = translate(dict(state), model)
        except Exception:  # made for one known layout: on any other the plain comparison tells more
            return state
        return translated

    return adapt


def _pooling(model: torch.nn.Module) -> str:
    pool = getattr(model, "global_pool", "")
    return str(getattr(pool, "pool_type", pool) or "avg")


FAMILY = Family(
    names=_names,
    accepts=_with_tag_or_size,
    load=_load,
    weights=Weights.DOWNLOADED,
    extra=Extra("timm", packages=("timm",)),
)
