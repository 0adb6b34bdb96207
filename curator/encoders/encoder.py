"""Pixels in, L2-normalised features out."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curator.encoders.spec import EncoderSpec
from curator.errors import CuratorError
from curator_indexes.runtime import load_torch

if TYPE_CHECKING:
    import torch

_DEVICES = ("auto", "cpu", "cuda", "mps")
# Images at a time by device, for inputs up to 128 pixels a side and for larger ones.
_BATCH_SIZES = {"cpu": (64, 16), "mps": (128, 32), "cuda": (512, 128)}


class Encoder:
    """A frozen network on a device. Every batch has one shape: no row depends on how many came with it."""

    def __init__(
        self,
        spec: EncoderSpec,
        model: torch.nn.Module,
        *,
        device: str = "auto",
        batch_size: int | None = None,
    ) -> None:
        if batch_size is not None and batch_size < 1:
            raise CuratorError(f"batch size {batch_size} is too small: give 1 or more")
        torch = load_torch()
        self.spec = spec
        self.device = pick_device(device)
        self.batch_size = batch_size or _BATCH_SIZES[self.device][spec.input_size > 128]
        self._model = model.eval().requires_grad_(False)
        self._model.to(self.device).to(memory_format=torch.channels_last)
        std = torch.tensor(spec.std, device=self.device).view(3, 1, 1)
        self._scale = 1 / (255 * std)
        self._shift = torch.tensor(spec.mean, device=self.device).view(3, 1, 1) / std

    @property
    def fingerprint(self) -> str:
        """The fingerprint of `spec`."""
        return self.spec.fingerprint

    @property
    def network(self) -> torch.nn.Module:
        """The network itself, on its device, for normalised images [b, 3, s, s]."""
        return self._model

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features of `pixels` uint8 [b, s, s, 3]: float32 [b, dim], rows of length 1 (zero stays zero).

        Raises ValueError for pixels of another shape or type, `CuratorError` for features that are of another
        shape, not finite, or do not fit the device's memory.
        """
        side = self.spec.input_size
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (side, side, 3):
            raise ValueError(f"wanted pixels uint8 [b, {side}, {side}, 3], not {pixels.dtype} {pixels.shape}")
        rows = np.empty((len(pixels), self.spec.dim), np.float32)
        for start in range(0, len(pixels), self.batch_size):
            part = pixels[start : start + self.batch_size]
            rows[start : start + len(part)] = self._features(part)
        if not np.isfinite(rows).all():
            raise CuratorError(self._not_finite(rows))
        return _unit_rows(rows)

    def _features(self, part: NDArray[np.uint8]) -> NDArray[np.float32]:
        torch = load_torch()
        full = np.zeros((self.batch_size, *part.shape[1:]), np.uint8)
        full[: len(part)] = part
        try:
            with torch.inference_mode(), _exact_arithmetic(torch, self.device):
                batch = (
                    torch.from_numpy(full).to(self.device).permute(0, 3, 1, 2)
                )  # [b, 3, s, s], channels last
                features = self._model(batch.float() * self._scale - self._shift)  # [b, dim]
                self._check_shape(tuple(features.shape))
                result: NDArray[np.float32] = features[: len(part)].float().cpu().numpy()
        except torch.OutOfMemoryError as error:
            raise CuratorError(
                f"encoder {self.spec.name} needs more memory than {self.device} has for {self.batch_size} "
                f"images at once: give a smaller batch size, such as {max(1, self.batch_size // 4)}"
            ) from error
        return result

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        wanted = (self.batch_size, self.spec.dim)
        if shape != wanted:
            raise CuratorError(
                f"encoder {self.spec.name} gave features {shape} for {wanted[0]} images, wanted {wanted}: "
                "its network must give as many for each image as its spec says, whatever the batch"
            )

    def _not_finite(self, rows: NDArray[np.float32]) -> str:
        count = int((~np.isfinite(rows).all(axis=1)).sum())
        cause = (
            f"its weights ({self.spec.source}) are probably damaged; fetch them again or"
            if self.spec.has_weights
            else f"it has no weights, so its code ({self.spec.source}) is at fault; correct it or"
        )
        return (
            f"encoder {self.spec.name} gave features that are not finite for {count} of {len(rows)} images: "
            f"{cause} use another encoder"
        )


def pick_device(device: str) -> str:
    """`device`, with "auto" resolved to the fastest one present; `CuratorError` for one that is absent."""
    torch = load_torch()
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if present[name])
    if device not in _DEVICES:
        raise CuratorError(f"unknown device {device!r}: give one of {', '.join(_DEVICES)}")
    if not present[device]:
        raise CuratorError(f"device {device!r} is not available to this torch: use --device cpu")
    return device


def _exact_arithmetic(torch: Any, device: str) -> contextlib.AbstractContextManager[Any]:
    """On CUDA: full float32 and the same kernel each time, so that a rerun gives the same bytes."""
    if device != "cuda":
        return contextlib.nullcontext()
    flags = torch.backends.cudnn.flags
    manager: contextlib.AbstractContextManager[Any] = flags(
        benchmark=False, deterministic=True, allow_tf32=False
    )
    return manager


def _unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1, keepdims=True))
    unit: NDArray[np.float32] = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return unit
