"""Linear systems with a graph's matrix, many right-hand sides at once, on all cores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from curator_indexes._blocks import block_pool
from curator_indexes._rows import Floats
from curator_indexes.products import rows_of

if TYPE_CHECKING:
    from scipy.sparse import csr_array

TOLERANCE = 1e-6  # of the residual's norm, relative to the right-hand side's
_MOST_STEPS = 1000  # alpha .98 takes about 50; float32 cannot gain from more
_BLOCK_ROWS = 1 << 13  # with 16 columns, what a block touches stays in a core's cache


def conjugate_gradients(matrix: csr_array, right_hand: Floats, alpha: float) -> Floats:
    """Solve (I - alpha S) F = Y for all columns of Y at once, each with its own step lengths.

    Hestenes and Stiefel 1952. A column that has reached the tolerance keeps its solution while others go on.
    The same bits on any number of threads.

    Args:
        matrix: S, symmetric, eigenvalues in [-1, 1], float32 [n, n].
        right_hand: Y, float32 [n, c].
        alpha: in (0, 1), so that the system is positive definite.

    Returns:
        F, float32 [n, c].

    """
    n, c = right_hand.shape
    solution, image = np.zeros_like(right_hand), np.empty_like(right_hand)
    residual, direction = right_hand.copy(), right_hand.copy()  # [n, c]
    dots = np.zeros((-(-n // _BLOCK_ROWS), c))  # of each block of rows
    step, turn = np.zeros(c, np.float32), np.zeros(c, np.float32)

    def apply(low: int, high: int) -> None:
        rows = slice(low, high)
        np.multiply(rows_of(matrix, low, high) @ direction, np.float32(-alpha), out=image[rows])
        image[rows] += direction[rows]
        dots[low // _BLOCK_ROWS] = _dots(direction[rows], image[rows])

    def advance(low: int, high: int) -> None:
        rows = slice(low, high)
        image[rows] *= step
        residual[rows] -= image[rows]
        np.multiply(direction[rows], step, out=image[rows])
        solution[rows] += image[rows]
        dots[low // _BLOCK_ROWS] = _dots(residual[rows], residual[rows])

    def redirect(low: int, high: int) -> None:
        rows = slice(low, high)
        direction[rows] *= turn
        direction[rows] += residual[rows]

    squared = _dots(residual, residual)  # [c]
    goal = TOLERANCE**2 * squared
    with block_pool(n, _BLOCK_ROWS) as for_each:
        for _ in range(_MOST_STEPS):
            running = squared > goal
            if not running.any():
                break
            for_each(apply)
            step[:] = np.divide(squared, dots.sum(axis=0), out=np.zeros(c), where=running)
            for_each(advance)
            after = dots.sum(axis=0)
            turn[:] = np.divide(after, squared, out=np.zeros(c), where=running)
            for_each(redirect)
            squared = np.where(running, after, squared)
    return solution


def _dots(left: Floats, right: Floats) -> npt.NDArray[np.float64]:
    # einsum, not BLAS: the same sum on any number of threads. One column at a time would be slower.
    return np.asarray(np.einsum("ij,ij->j", left, right, dtype=np.float64))
