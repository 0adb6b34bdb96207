"""Encoders by name: `bundled`, `torchvision:resnet50`, `timm:vit_small_patch14_dinov2`, or a plain name."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from curator.encoders import bundled, onnx_models, own, timm_models, torchvision_models
from curator.encoders._families import Family
from curator.encoders.encoder import Encoder
from curator.encoders.finetuned import load_finetuned, read_description
from curator.encoders.options import with_options
from curator.encoders.spec import EncoderSpec
from curator.errors import CuratorError

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


def available_encoders() -> list[str]:
    """Names of all encoders whose weights come along or can be downloaded; timm's where it is installed."""
    return [
        name if family == name else f"{family}:{name}"
        for family in _installed()
        for name in FAMILIES[family].names()
    ]


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
    return FAMILIES[family].load(short, weights)


def resolve(name: str) -> tuple[str, str]:
    """Family and name within it of the encoder that a user calls `name`."""
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
    return [family for family in FAMILIES if family != "timm" or find_spec("timm") is not None]


def _unknown(name: str) -> CuratorError:
    known = available_encoders()
    plain = {full.rpartition(":")[2]: full for full in reversed(known)}
    wanted = name.rpartition(":")[2]
    near = [plain[match] for match in get_close_matches(wanted, plain, n=3)]
    near += [full for full in known if wanted.lower() in full][: 3 - len(near)]
    advice = (
        f"did you mean {', '.join(dict.fromkeys(near))}?" if near else "an example is torchvision:resnet50"
    )
    more = "" if "timm" in _installed() else "; more come with pip install 'curator[timm]'"
    return CuratorError(f"unknown encoder {name!r}: {advice}{more}")
