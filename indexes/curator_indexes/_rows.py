"""Embeddings as unit-length float32 rows, whatever they are stored as."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Any, cast

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
_ROOM = 2  # half as many rows again can be added in place


class Held:
    """Unit rows in memory, and room for more: each keeps its place, so that a grown index shares them.

    Attributes:
        values: float32 [capacity, d]; pages that were never written take no memory.

    """

    def __init__(self, n: int, d: int) -> None:
        self.values: Floats = np.empty((n + n // _ROOM, d), np.float32)
        self._used = n
        self._lock = Lock()

    def append(self, rows: Floats) -> Ids | None:
        """Put rows [m, d] behind all others and return their places; None where there is no room."""
        with self._lock:
            low, high = self._used, self._used + len(rows)
            if high > len(self.values):
                return None
            self._used = high
        self.values[low:high] = rows
        return np.arange(low, high)


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of length 1 (or 0), read by block or by id.

    Attributes:
        source: the embeddings as given, any float type, [m, d]; memory-mapped ones stay so.
        held: the same rows normalised, where they are few enough.
        ids: which rows of `source` and `held` these are, int64 [n]; None for all of `source`.
        memory_limit: bytes that work on the rows may take, besides source and result; None for no limit.

    """

    source: NDArray[Any]
    held: Held | None = None
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
        rows = self.source if self.held is None else self.held.values
        chosen = rows[low:high] if self.ids is None else rows[self.ids[low:high]]
        return chosen if self.held is not None else unit_rows(chosen)

    def take(self, ids: Ids) -> Floats:
        """The rows with these ids, float32 [len(ids), d]."""
        places = ids if self.ids is None else self.ids[ids]
        return unit_rows(self.source[places]) if self.held is None else self.held.values[places]

    def only(self, ids: Ids) -> Rows:
        """These rows alone, numbered 0, 1, ... in the order of `ids`."""
        places = ids if self.ids is None else self.ids[ids]
        return Rows(self.source, self.held, places, self.memory_limit)

    def revised(self, number: Ids, added: Floats, ids: Ids) -> Rows:
        """Held rows under other numbers, and more; these rows themselves do not change.

        Args:
            number: for each row its new one, int64 [n], or -1 where it is gone.
            added: more unit rows, float32 [m, d].
            ids: of those, int64 [m]; with the new numbers, all from 0 on.

        """
        held, kept = cast(Held, self.held), np.flatnonzero(number >= 0)
        places = np.empty(len(kept) + len(ids), np.int64)
        places[number[kept]] = kept if self.ids is None else self.ids[kept]
        more = held.append(added)
        if more is not None:
            places[ids] = more
            return Rows(held.values, held, places, self.memory_limit)
        copied = Held(len(places), self.d)
        places[ids] = 0
        np.take(held.values, places, axis=0, out=copied.values[: len(places)])
        copied.values[ids] = added
        return Rows(copied.values[: len(places)], copied, None, self.memory_limit)


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
    held = Held(n, d) if n * d * 4 < most else None

    def check(low: int, high: int) -> None:
        block = np.asarray(array[low:high])
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            row = low + int(np.argmin(finite))
            raise VectorError(f"{what}: row {row} holds NaN or an infinite value; every value must be finite")
        if held is not None:
            held.values[low:high] = unit_rows(block)

    for_each_block(check, n, block_rows(d))
    return Rows(array, held, None, memory_limit)


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
