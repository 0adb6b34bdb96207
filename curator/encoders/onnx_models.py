"""Networks in ONNX files, run by ONNX Runtime: `--weights model.onnx`, `--encoder onnx@224,half` to say more.

What must be known of a network's images is taken from the encoder's name, else from the entry "curator" of
the file's metadata, else from the card `model.json` that `curator export-model` writes beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curator.encoders._families import Extra, Family, Weights
from curator.encoders._loaded import UNKNOWN_LICENCE, Loaded
from curator.encoders.spec import IMAGENET_MEAN, IMAGENET_STD
from curator.errors import CuratorError

METADATA = "curator"  # the entry of a file's metadata: {"input_size": 224, "mean": [...], "std": [...], ...}
NORMALISATIONS = {
    "unit": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "imagenet": (IMAGENET_MEAN, IMAGENET_STD),
}
_ADVICE = "--encoder onnx@SIZE,NORMALISATION[,output=NAME], with a NORMALISATION of unit, half or imagenet"


def _with_look(name: str) -> bool:
    return name.partition("@")[0] == "onnx"


def _load(name: str, weights: Path | None) -> Loaded:
    if weights is None:
        raise CuratorError("encoder onnx needs a file: add --weights model.onnx")
    data, session = _opened(weights)
    look = _look(weights, session) | _said(name)
    side = _side(session, look, weights)
    if "mean" not in look or "std" not in look:
        raise CuratorError(f"{weights} does not say how its pixels are normalised: {_ADVICE}")
    output = _output(session, look, weights)
    from curator.encoders._onnx_network import OnnxNetwork

    return Loaded(
        OnnxNetwork(session, output),
        side,
        name=weights.stem,
        weights_sha256=hashlib.sha256(data).hexdigest(),
        pooling=f"output {output}",
        licence=str(look.get("licence", UNKNOWN_LICENCE)),
        source=str(weights),
        mean=_three(look["mean"], weights),
        std=_three(look["std"], weights),
        resize=str(look.get("resize", "crop")),
        crop_fraction=float(look.get("crop_fraction", 1.0)),
    )


def _opened(path: Path) -> tuple[bytes, Any]:
    """The file's bytes and a session that runs it in one thread: batches run side by side."""
    import onnx
    import onnxruntime

    try:
        data = path.read_bytes()
        if _uses_other_files(onnx.load_model_from_string(data)):
            raise CuratorError(
                f"refused to load {path}: its weights lie in other files, which a network may not name. Save "
                "it in one: onnx.save(onnx.load(FILE), NEW, save_as_external_data=False)"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return data, onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except CuratorError:
        raise
    except Exception as error:  # damaged bytes make protobuf and ONNX Runtime raise kinds of their own
        raise CuratorError(f"{path} is no sound ONNX file ({str(error)[:200]}): fetch it again") from error


def _uses_other_files(message: Any) -> bool:
    """Whether any tensor, however deep inside, is to be read from another file."""
    if message.DESCRIPTOR.name == "TensorProto" and message.data_location == message.EXTERNAL:
        return True
    for field, value in message.ListFields():
        if field.message_type is not None:
            parts = [value] if hasattr(value, "ListFields") else value
            if any(_uses_other_files(part) for part in parts):
                return True
    return False


def _look(path: Path, session: Any) -> dict[str, Any]:
    """What file and card say of the images, by the names of `EncoderSpec`."""
    told = session.get_modelmeta().custom_metadata_map.get(METADATA)
    card = path.with_suffix(".json")
    try:
        if told is not None:
            return dict(json.loads(told))
        return _from_card(json.loads(card.read_text(encoding="utf-8"))) if card.is_file() else {}
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise CuratorError(f"what is said about the images of {path} makes no sense: {error}") from error


def _from_card(card: Mapping[str, Any]) -> dict[str, Any]:
    mean, std = NORMALISATIONS["unit"]  # an exported network normalises inside
    given = {key: card["input"][key] for key in ("resize", "crop_fraction") if key in card["input"]}
    return {"mean": mean, "std": std, "licence": card.get("licence", UNKNOWN_LICENCE), **given}


def _said(name: str) -> dict[str, Any]:
    """`onnx@224,half,output=tokens` -> what it says."""
    said: dict[str, Any] = {}
    for word in filter(None, name.partition("@")[2].split(",")):
        if word.isdecimal():
            said["input_size"] = int(word)
        elif word in NORMALISATIONS:
            said["mean"], said["std"] = NORMALISATIONS[word]
        elif word.startswith("output="):
            said["output"] = word.removeprefix("output=")
        else:
            raise CuratorError(f"cannot understand {word!r} in --encoder {name}: wanted {_ADVICE}")
    return said


def _side(session: Any, look: Mapping[str, Any], path: Path) -> int:
    """Pixels a side: the network's own where it is fixed, else what was said."""
    inputs = session.get_inputs()
    shape = inputs[0].shape if inputs else []
    if len(inputs) != 1 or len(shape) != 4 or inputs[0].type != "tensor(float)" or shape[1] not in (3, "3"):
        found = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
        raise CuratorError(f"the network in {path} takes {found}: wanted one input float [b, 3, s, s]")
    height, width = shape[2:]
    fixed = [side for side in (height, width, look.get("input_size")) if isinstance(side, int)]
    if not fixed or len(set(fixed)) != 1 or fixed[0] < 1:
        raise CuratorError(
            f"the network in {path} takes images of {height} x {width} pixels, and {look.get('input_size')} "
            f"are asked for: {_ADVICE}"
        )
    return fixed[0]


def _output(session: Any, look: Mapping[str, Any], path: Path) -> str:
    names = [str(each.name) for each in session.get_outputs()]
    wished = str(look.get("output", "embeddings" if "embeddings" in names else names[0]))
    if wished not in names:
        raise CuratorError(f"the network in {path} has no output {wished!r}: give one of {', '.join(names)}")
    return wished


def _three(values: Any, path: Path) -> tuple[float, float, float]:
    try:
        red, green, blue = (float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise CuratorError(f"mean and deviation of {path} are not three numbers each: {_ADVICE}") from error
    return red, green, blue


FAMILY = Family(
    names=list,
    accepts=_with_look,
    load=_load,
    weights=Weights.FILE,
    extra=Extra("onnx", packages=("onnx", "onnxruntime")),
)
