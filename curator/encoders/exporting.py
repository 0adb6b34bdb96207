"""An encoder, with its head where it has one, as files that other programs read: safetensors and ONNX."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from curator.encoders.encoder import Encoder
from curator.encoders.finetuned import Head, head_of
from curator.errors import CuratorError
from curator_indexes.files import atomic_path
from curator_indexes.runtime import load_torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEIGHTS, NETWORK, CARD = "model.safetensors", "model.onnx", "model.json"
TOLERANCE = 1e-2  # of an embedding's or a probability's numbers, between torch and ONNX Runtime
_TRIED = 8  # images on which the two are compared
_INSTALL = "writing ONNX needs more packages: pip install 'curator[onnx]'"


@dataclass(frozen=True)
class Exported:
    """The files written, and by how much ONNX Runtime's numbers differ from torch's at most."""

    folder: Path
    classes: int
    difference: float


def export_network(encoder: Encoder, folder: Path) -> Exported:
    """Write weights, network and a card with preprocessing and class names into `folder`.

    The network takes `pixels` float32 [b, 3, s, s] in [0, 1] and gives unit `embeddings` [b, d] and, with a
    head, `probabilities` [b, C]. All is checked in ONNX Runtime before a file gets its name. Raises
    `CuratorError` where packages are missing or the numbers do not agree.
    """
    runtime = _required()
    head = head_of(encoder)
    module = _exportable(encoder, head)
    with atomic_path(folder / NETWORK) as temporary:
        _write_onnx(module, encoder.spec.input_size, temporary, head is not None)
        difference = _difference(runtime, module, temporary, encoder.spec.input_size)
        if not difference <= TOLERANCE:
            raise CuratorError(
                f"the ONNX network of {encoder.spec.name} differs from torch's by {difference:.3g}: "
                "nothing was written; please report it with the versions of torch and onnxruntime"
            )
    _write_weights(encoder, folder / WEIGHTS)
    with atomic_path(folder / CARD) as temporary:
        temporary.write_text(json.dumps(_card(encoder, head), indent=2) + "\n", encoding="utf-8")
    return Exported(folder, len(head.classes) if head else 0, difference)


def _required() -> Any:
    try:
        for name in ("onnx", "onnxscript"):
            import_module(name)
        return import_module("onnxruntime")
    except ModuleNotFoundError as error:
        raise CuratorError(_INSTALL) from error


def _card(encoder: Encoder, head: Head | None) -> dict[str, Any]:
    """What one needs to know to use the files: preprocessing in words of its own, class names, source."""
    spec = encoder.spec
    return {
        "encoder": spec.name,
        "fingerprint": spec.fingerprint,
        "licence": spec.licence,
        "input": {
            "name": "pixels",
            "shape": ["batch", 3, spec.input_size, spec.input_size],
            "values": "RGB, 0 to 1; mean and deviation are taken off inside",
            "resize": spec.resize,
            "crop_fraction": spec.crop_fraction,
        },
        "outputs": ["embeddings", "probabilities"] if head else ["embeddings"],
        "dim": spec.dim,
        "classes": list(head.classes) if head else [],
    }


def _exportable(encoder: Encoder, head: Head | None) -> Any:
    """The whole way from pixels to outputs as one module on the CPU."""
    load_torch()
    from curator.encoders._exportable import Exportable

    return Exportable(encoder.network, encoder.spec, head)


def _write_onnx(module: Any, side: int, path: Path, has_head: bool) -> None:
    torch = load_torch()
    names = ["embeddings", "probabilities"] if has_head else ["embeddings"]
    example = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of exporters about themselves
        torch.onnx.export(
            module,
            (example,),
            str(path),
            input_names=["pixels"],
            output_names=names,
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=4096)},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def _difference(runtime: Any, module: Any, path: Path, side: int) -> float:
    torch = load_torch()
    pixels = torch.rand(_TRIED, 3, side, side, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        wanted = [output.numpy() for output in module(pixels)]
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found: list[NDArray[np.float32]] = session.run(None, {"pixels": pixels.numpy()})
    return float(max(np.abs(a - b).max() for a, b in zip(wanted, found, strict=True)))


def _write_weights(encoder: Encoder, path: Path) -> None:
    import safetensors.torch

    weights = {
        name: value.detach().cpu().contiguous().clone()
        for name, value in encoder.network.state_dict().items()
    }
    with atomic_path(path) as temporary:
        safetensors.torch.save_file(weights, temporary)
