"""torchvision, timm, ONNX Runtime: imported when first wanted, the usual causes of failure put into words."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from curator.errors import CuratorError
from curator_indexes.runtime import load_torch


def load_torchvision() -> Any:
    """The `torchvision` module; `CuratorError` where it was built for another torch."""
    torch = load_torch()
    try:
        return import_module("torchvision")
    except (RuntimeError, ImportError, OSError) as error:
        # Seen with a CPU-only torch beside a CUDA torchvision: "operator torchvision::nms does not exist".
        raise CuratorError(
            f"torchvision cannot be imported ({' '.join(str(error).split())}). Most often it was built for "
            f"another torch than the one installed ({torch.__version__}), such as a CUDA build beside a CPU "
            "build. Install both from one place: pip install --force-reinstall torch torchvision "
            "--index-url https://download.pytorch.org/whl/cpu (or .../whl/cu128 for NVIDIA cards)"
        ) from error


def load_timm() -> Any:
    """The `timm` module; `CuratorError` with the command to type where it is absent."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when huggingface_hub is imported, by timm
    load_torchvision()
    try:
        return import_module("timm")
    except ModuleNotFoundError as error:
        raise CuratorError("this encoder needs timm: pip install 'curator[timm]'") from error


def load_onnx() -> tuple[Any, Any]:
    """The modules `onnx` and `onnxruntime`; `CuratorError` with the command to type where one is absent."""
    try:
        return import_module("onnx"), import_module("onnxruntime")
    except ModuleNotFoundError as error:
        raise CuratorError("ONNX files need more packages: pip install 'curator[onnx]'") from error
