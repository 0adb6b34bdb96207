"""Principal components of embeddings, made equally wide: fewer numbers, none louder than the others."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from curator.errors import CuratorError

__all__ = ["Whitening", "fit_whitening"]

_RIDGE = 1e-3  # of the largest variance, added to all: a component that is nearly noise is not blown up

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Whitening:
    """Fitted: `center` float32 [d] is subtracted, `projection` float32 [d, dim] applied."""

    center: Floats
    projection: Floats

    @property
    def dim(self) -> int:
        """How many components are kept."""
        return int(self.projection.shape[1])

    @cached_property
    def sha256(self) -> str:
        """Hexadecimal digest of the numbers."""
        return hashlib.sha256(self.center.tobytes() + self.projection.tobytes()).hexdigest()

    def apply(self, rows: npt.NDArray[Any]) -> Floats:
        """Whitened rows [m, dim] of length 1 (zero where nothing is left) of unit rows [m, d]."""
        moved = (rows.astype(np.float32) - self.center) @ self.projection
        lengths = np.linalg.norm(moved, axis=1, keepdims=True)
        unit: Floats = np.divide(moved, lengths, out=np.zeros_like(moved), where=lengths > 0)
        return unit


def fit_whitening(rows: npt.NDArray[Any], dim: int) -> Whitening:
    """Fit on unit rows float [n, d], keeping the `dim` widest components.

    The same rows give the same numbers. Raises `CuratorError` where `dim` exceeds what n rows of d numbers
    determine.
    """
    count, width = rows.shape
    most = min(width, count - 1)
    if not 1 <= dim <= most:
        raise CuratorError(
            f"{count} embeddings of {width} numbers cannot be whitened to {dim}: give --whiten 1 to {most}"
        )
    exact = rows.astype(np.float64)
    center = exact.mean(axis=0)
    variances, axes = np.linalg.eigh((exact - center).T @ (exact - center) / count)  # ascending
    variances, axes = variances[::-1][:dim].clip(0), axes[:, ::-1][:, :dim]
    axes *= np.where(axes.sum(axis=0) < 0, -1, 1)  # an axis and its opposite are the same component
    scale = np.maximum(variances + _RIDGE * variances[0], np.finfo(np.float64).tiny) ** -0.5
    return Whitening(center.astype(np.float32), np.ascontiguousarray(axes * scale, dtype=np.float32))
