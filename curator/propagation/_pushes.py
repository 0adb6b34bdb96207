"""Diffusion of a few labels by local residual pushes: time and memory touched do not grow with the graph."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from curator._arrays import Floats, Ids

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Edges looked at for one label at alpha .98, about 2 million, times what one in random order costs of one in
# a solve.
PUSHED_EDGES = 2_000_000 * 10
_TOLERANCE = 7e-5  # of a label's whole mass, left at a row of average degree
_LEAST = 1e-3  # of an average row's degree: a row without neighbours must have a bound, too
_OVERSHOOT = 1.3  # successive over-relaxation: a third fewer edges than plain pushes
# Columns of the state: side by side, so that an edge costs one read of memory that is not in the cache.
_RESIDUAL, _SOLUTION, _BOUND, _PLACE = range(4)
_UNTOUCHED, _TOUCHED, _QUEUED = np.float32(0), np.float32(1), np.float32(2)

Kernel = Callable[..., int]


class Spread(NamedTuple):
    """The rows int64 [m] that a label touched, what it adds to their mass, what they have still to spread."""

    rows: Ids
    mass: Floats
    residual: Floats


class Pushes:
    """Approximate columns of K = (I - alpha S)^-1 for single rows.

    Andersen, Chung and Lang, "Local Graph Partitioning using PageRank Vectors" (FOCS 2006), algorithm
    ApproximatePR: a row whose residual is large keeps it and hands alpha S of it on to its neighbours, until
    none is large. At any moment K e = p + K r, with p the solution so far and r the residual; so what is left
    can be handed to a full solve at any time.

    Args:
        matrix: S, float32 [n, n].
        degrees: of the affinities, float [n].
        alpha: in (0, 1).

    """

    def __init__(self, matrix: csr_array, degrees: npt.NDArray[Any], alpha: float) -> None:
        self._matrix, self._alpha = matrix, alpha
        roots = np.sqrt(degrees)
        self._state = np.zeros((len(roots), 4), np.float32)
        # (1 - alpha) K keeps sqrt(degree): where every residual is under this, every error is under it, too,
        # in shares of a label's mass, which is 1 / (1 - alpha).
        self._state[:, _BOUND] = _TOLERANCE * np.maximum(roots / max(roots.mean(), _LEAST), _LEAST)
        self._queue = np.empty(len(roots) + 1, np.int32)
        self._touched = np.empty(len(roots), np.int32)

    def spread(self, row: int, weight: float) -> Spread:
        """Spread one label of this weight from this row."""
        state = self._state
        state[row, _RESIDUAL] = 1
        count = _kernel()(
            self._matrix.indptr,
            self._matrix.indices,
            self._matrix.data,
            np.float32(self._alpha),
            state,
            self._queue,
            self._touched,
            row,
        )
        rows = self._touched[:count].astype(np.int64)
        residual, mass = np.float32(weight) * state[rows][:, [_RESIDUAL, _SOLUTION]].T
        state[rows[:, None], [_RESIDUAL, _SOLUTION, _PLACE]] = 0
        return Spread(rows, mass, residual)


def _push(
    starts: npt.NDArray[Any],
    neighbors: npt.NDArray[Any],
    weights: Floats,
    alpha: np.float32,
    state: Floats,
    queue: npt.NDArray[np.int32],
    touched: npt.NDArray[np.int32],
    row: int,
) -> int:
    """Push until no residual is above its bound; how many rows were touched, listed in `touched`."""
    room, head, tail, count = len(queue), 0, 1, 1
    queue[0], touched[0], state[row, _PLACE] = row, row, _QUEUED
    while head != tail:
        current = queue[head]
        head = head + 1 if head + 1 < room else 0
        state[current, _PLACE] = _TOUCHED
        if abs(state[current, _RESIDUAL]) <= state[current, _BOUND]:
            continue
        step = np.float32(_OVERSHOOT) * state[current, _RESIDUAL]
        state[current, _SOLUTION] += step
        state[current, _RESIDUAL] -= step
        if abs(state[current, _RESIDUAL]) > state[current, _BOUND]:
            state[current, _PLACE] = _QUEUED
            queue[tail] = current
            tail = tail + 1 if tail + 1 < room else 0
        handed = alpha * step
        for edge in range(starts[current], starts[current + 1]):
            other = neighbors[edge]
            state[other, _RESIDUAL] += handed * weights[edge]
            if state[other, _PLACE] == _UNTOUCHED:
                state[other, _PLACE] = _TOUCHED
                touched[count] = other
                count += 1
            if state[other, _PLACE] == _TOUCHED and abs(state[other, _RESIDUAL]) > state[other, _BOUND]:
                state[other, _PLACE] = _QUEUED
                queue[tail] = other
                tail = tail + 1 if tail + 1 < room else 0
    return count


@cache
def _kernel() -> Kernel:
    """`_push`, compiled; kept on disk after the first time."""
    from numba import njit

    compiled: Kernel = njit(cache=True)(_push)
    return compiled
