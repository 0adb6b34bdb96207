"""torchvision and timm: imported when first wanted, the usual cause of failure put into words."""

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
    """The `timm` module, where it is installed; `CuratorError` as `load_torchvision`, which it imports."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when huggingface_hub is imported, by timm
    load_torchvision()
    return import_module("timm")
