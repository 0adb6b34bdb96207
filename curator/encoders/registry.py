"""Encoders by name: `bundled`, `torchvision:resnet50`, `timm:vit_small_patch14_dinov2`, or a plain name."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from curator.encoders import bundled, onnx_models, own, timm_models, torchvision_models
from curator.encoders._families import Family, Weights
from curator.encoders._loaded import spec_of
from curator.encoders.encoder import Encoder
from curator.encoders.finetuned import load_finetuned, read_description
from curator.encoders.options import with_options
from curator.encoders.spec import EncoderSpec
from curator.errors import CuratorError
from curator_indexes.runtime import load_torch

if TYPE_CHECKING:
    import torch

# In the order in which a plain name is looked up. A further family is one file and one line.
FAMILIES: dict[str, Family] = {
    "bundled": bundled.FAMILY,
    "onnx": onnx_models.FAMILY,
    "torchvision": torchvision_models.FAMILY,
    "timm": timm_models.FAMILY,
    "own": own.FAMILY,
}
DEFAULT_ENCODER = "bundled"


def available_encoders(word: str = "") -> dict[str, Weights]:
    """The encoders that need no file, those with `word` in their name, and where their weights come from.

    Of families that need more packages than there are, `missing_families` has the command to type.
    """
    return {
        full: FAMILIES[family].weights
        for family in _installed()
        for name in FAMILIES[family].names()
        if word.lower() in (full := _full_name(family, name)).lower()
    }


def missing_families() -> dict[str, str]:
    """The families that need more packages, each with the command that installs them."""
    return {name: family.missing for name, family in FAMILIES.items() if family.missing}


def load_encoder(
    name: str = DEFAULT_ENCODER,
    *,
    weights: Path | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    views: str = "one",
    pooling: str | None = None,
    precision: str = "float32",
) -> Encoder:
    """The encoder called `name`, ready on `device` ("auto", "cpu", "cuda" or "mps").

    `weights` is a .safetensors, .pth, .pt or .tar file for the architecture `name`; without a name it is a
    file written by `curator pretrain` or `curator finetune`, or an .onnx file. `views` "flip" or "crops"
    averages over mirror images and crops; `pooling` "class", "patch" or "both" chooses among the tokens of a
    vision transformer; `precision` is "float32" or "bfloat16". Nothing is downloaded unless a pretrained
    network is named whose weights are not on this machine. Raises `CuratorError` with what to do.
    """
    if weights is not None and not weights.is_file():
        raise CuratorError(f"no weights file at {str(weights)!r}: give a file that exists")
    described = None if weights is None else read_description(weights)
    if weights is not None and described is not None:
        spec, model = load_finetuned(weights, described, _load)
    else:
        spec, model = _load(name, weights)
    spec, model = with_options(spec, model, views=views, pooling=pooling, precision=precision)
    return Encoder(spec, model, device=device, batch_size=batch_size)


def _load(name: str, weights: Path | None) -> tuple[EncoderSpec, torch.nn.Module]:
    if name == DEFAULT_ENCODER and weights is not None and weights.suffix == ".onnx":
        name = "onnx"
    family, short = resolve(name)
    if weights is not None and FAMILIES[family].weights is Weights.NONE:
        raise CuratorError(f"encoder {name} has no weights: leave --weights out")
    load_torch()  # sets torch up before a family imports it
    loaded = FAMILIES[family].load(short, weights)
    return spec_of(_full_name(family, loaded.name or short), loaded), loaded.network


def resolve(name: str) -> tuple[str, str]:
    """Family and name within it of the encoder that a user calls `name`."""
    meant = re.split("[:@]", name)[0]
    if command := missing_families().get(meant):
        raise CuratorError(f"encoder {name} needs more packages: {command}")
    family, colon, short = name.partition(":")
    if colon and family in FAMILIES:
        if not FAMILIES[family].knows(short):
            raise _unknown(name)
        return family, short
    for family in _installed():
        if not colon and FAMILIES[family].knows(name):
            return family, name
    if FAMILIES["own"].knows(name):  # module:function
        return "own", name
    raise _unknown(name)


def _installed() -> list[str]:
    return [name for name, family in FAMILIES.items() if not family.missing]


def _full_name(family: str, name: str) -> str:
    return f"{family}:{name}" if FAMILIES[family].prefixed else name


def _unknown(name: str) -> CuratorError:
    known = list(available_encoders())
    plain = {full.rpartition(":")[2]: full for full in reversed(known)}
    wanted = name.rpartition(":")[2]
    near = [plain[match] for match in get_close_matches(wanted, plain, n=3)]
    near += [full for full in known if wanted.lower() in full][: 3 - len(near)]
    advice = (
        f"did you mean {', '.join(dict.fromkeys(near))}?"
        if near
        else "`curator encoder available` lists them"
    )
    more = "".join(f"; more come with {command}" for command in missing_families().values())
    return CuratorError(f"unknown encoder {name!r}: {advice}{more}")
