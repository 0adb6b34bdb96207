"""Embeddings as unit-length float32 rows, whatever they are stored as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator_indexes._blocks import for_each_block
from curator_indexes.errors import VectorError
from curator_indexes.runtime import usable_cpus

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

COPY_BYTES = 1 << 31  # without a limit: embeddings with a smaller float32 copy are normalised once and kept
_READ_VALUES = (
    1 << 24
)  # of rows that are not kept, read at once; a quarter of a gigabyte as they are worked on
_BYTES_PER_VALUE = 16
_BLOCK_VALUES = 1 << 20


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of length 1 (or 0), read by block or by id.

    Attributes:
        source: the embeddings as given, any float type, [m, d]; memory-mapped ones stay so.
        unit: all rows normalised, float32 [n, d], where they are few enough to be held.
        ids: which rows of `source` these are, int64 [n]; None for all of them.
        memory_limit: bytes that work on the rows may take, besides source and result; None for no limit.

    """

    source: NDArray[Any]
    unit: Floats | None = None
    ids: Ids | None = None
    memory_limit: int | None = None

    def __len__(self) -> int:
        return len(self.source) if self.ids is None else len(self.ids)

    @property
    def d(self) -> int:
        """Length of a row."""
        return int(self.source.shape[1])

    @property
    def read_values(self) -> int:
        """How many values of rows that are not held may be read at once, in each thread."""
        if self.memory_limit is None:
            return _READ_VALUES
        return max(self.d, min(_READ_VALUES, self.memory_limit // (4 * _BYTES_PER_VALUE * usable_cpus())))

    def block(self, low: int, high: int) -> Floats:
        """Rows low to high-1, float32 [high - low, d]."""
        if self.unit is not None:
            return self.unit[low:high]
        return unit_rows(self.source[low:high] if self.ids is None else self.source[self.ids[low:high]])

    def take(self, ids: Ids) -> Floats:
        """The rows with these ids, float32 [len(ids), d]."""
        if self.unit is not None:
            return self.unit[ids]
        return unit_rows(self.source[ids if self.ids is None else self.ids[ids]])

    def only(self, ids: Ids) -> Rows:
        """These rows alone, numbered 0, 1, ... in the order of `ids`."""
        if self.unit is not None:
            chosen = self.unit[ids]
            return Rows(chosen, chosen, None, self.memory_limit)
        return Rows(self.source, None, ids if self.ids is None else self.ids[ids], self.memory_limit)


def open_rows(embeddings: NDArray[Any], what: str = "embeddings", *, memory_limit: int | None = None) -> Rows:
    """Check embeddings [n, d] once, block by block.

    Raises:
        VectorError: not a two-dimensional array of floats with d >= 1, some value is NaN or infinite, or
            memory_limit is not above 0.

    """
    array = _check_form(embeddings, what)
    n, d = array.shape
    if memory_limit is not None and memory_limit <= 0:
        raise VectorError(f"memory_limit is {memory_limit}: wanted a number of bytes above 0")
    most = COPY_BYTES if memory_limit is None else memory_limit // 2
    unit = np.empty((n, d), np.float32) if n * d * 4 < most else None

    def check(low: int, high: int) -> None:
        block = np.asarray(array[low:high])
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            row = low + int(np.argmin(finite))
            raise VectorError(f"{what}: row {row} holds NaN or an infinite value; every value must be finite")
        if unit is not None:
            unit[low:high] = unit_rows(block)

    for_each_block(check, n, block_rows(d))
    return Rows(array, unit, None, memory_limit)


def _check_form(embeddings: NDArray[Any], what: str) -> NDArray[Any]:
    array = embeddings if isinstance(embeddings, np.ndarray) else np.asarray(embeddings)
    if array.ndim != 2 or array.shape[1] < 1:
        raise VectorError(
            f"{what} have shape {array.shape}: wanted [rows, dimensions] with at least 1 dimension"
        )
    if array.dtype not in (np.float16, np.float32, np.float64):
        raise VectorError(
            f"{what} are {array.dtype}: wanted float16, float32 or float64; convert with .astype('float32')"
        )
    return array


def block_rows(d: int) -> int:
    """How many rows of length d to convert at a time."""
    return max(1, _BLOCK_VALUES // d)


def unit_rows(block: NDArray[Any]) -> Floats:
    """Rows divided by their lengths, float32 [b, d]; zero rows stay zero.

    A row's bits do not depend on the rows around it.
    """
    values = np.array(block, dtype=np.float64, order="C", ndmin=2)  # [b, d]
    if block.dtype == np.float64:  # dividing by the largest value first keeps squares in range
        peak = np.abs(values).max(axis=1, keepdims=True, initial=0.0)  # [b, 1]
        values /= np.where(peak > 0, peak, 1.0)
    length = np.sqrt(np.einsum("bd,bd->b", values, values))[:, None]  # [b, 1]
    values /= np.where(length > 0, length, 1.0)
    unit = values.astype(np.float32)
    unit += 0.0  # makes -0.0 plain zero: equal rows have equal bytes
    return unit


def sample_ids(n: int, size: int, seed: int, stream: int) -> Ids:
    """Up to `size` of n row ids, ascending; another `stream` is an independent sample."""
    chosen: Ids = np.random.default_rng([seed, stream]).choice(n, min(n, size), replace=False)
    return np.sort(chosen)
