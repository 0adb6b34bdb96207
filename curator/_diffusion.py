"""Label diffusion over a graph: (I - alpha S) F = Y solved by conjugate gradients, many columns at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from curator._inputs import Floats, Ids
from curator.errors import CuratorError
from curator_indexes import KnnGraph, affinity, normalized, product

if TYPE_CHECKING:
    from scipy.sparse import csr_array

NEIGHBORS, GAMMA = 15, 8.0  # what propagation uses unless told otherwise
_STOPS, _LEAST_STOPS, _MOST_STOPS = 6.0, 0.02, 0.2  # 1 - alpha: times the labelled share, at least, at most
COLUMNS_AT_ONCE = 32  # bounds working memory at four blocks of [n, 32], whatever the number of classes
TOLERANCE = 1e-6  # of the residual's norm, relative to the right-hand side's
_MOST_STEPS = 1000  # alpha .98 takes about 50; float32 cannot gain from more


class Diffusion:
    """The operator K = (I - alpha S)^-1, S = D^-1/2 W D^-1/2 (Zhou et al., NIPS 2003, eq. 4).

    Attributes:
        alpha: how far labels spread, in (0, 1).
        matrix: S, float32 [n, n], sparse and symmetric.
        degrees: the row sums of W, float32 [n].

    """

    def __init__(self, graph: KnnGraph, *, k: int, gamma: float, alpha: float) -> None:
        if not 0 < alpha < 1:
            raise CuratorError(f"alpha is {alpha!r}: wanted a number above 0 and below 1")
        if k < 1 or not gamma > 0:
            raise CuratorError(f"k is {k!r} and gamma is {gamma!r}: wanted k of at least 1 and gamma above 0")
        self.alpha = float(alpha)
        affinities = affinity(graph, k=k, gamma=gamma)
        self.degrees: Floats = np.asarray(affinities.sum(axis=1), np.float32).ravel()
        self.matrix: csr_array = normalized(affinities)

    @property
    def n(self) -> int:
        """How many rows the graph has."""
        return int(self.matrix.shape[0])

    def spread(self, rows: Ids, columns: Ids, weights: Floats, count: int) -> Floats:
        """K Y, float32 [n, count], where Y holds `weights` at (`rows`, `columns`) and 0 elsewhere."""
        spread = np.empty((self.n, count), np.float32)
        for low in range(0, count, COLUMNS_AT_ONCE):
            high = min(low + COLUMNS_AT_ONCE, count)
            inside = (columns >= low) & (columns < high)
            block = np.zeros((self.n, high - low), np.float32)
            np.add.at(block, (rows[inside], columns[inside] - low), weights[inside])
            spread[:, low:high] = conjugate_gradients(self.matrix, block, self.alpha)
        return spread

    def smooth(self, values: Floats, alpha: float) -> Floats:
        """(1 - alpha) (I - alpha S)^-1 V for values V, float32 [n, c]."""
        smoothed = np.empty_like(values)
        for low in range(0, values.shape[1], COLUMNS_AT_ONCE):
            block = np.ascontiguousarray(values[:, low : low + COLUMNS_AT_ONCE])
            smoothed[:, low : low + COLUMNS_AT_ONCE] = conjugate_gradients(self.matrix, block, alpha)
        smoothed *= np.float32(1 - alpha)
        return smoothed

    def components(self) -> Ids:
        """The connected component of each row, int64 [n]."""
        from scipy.sparse.csgraph import connected_components

        return np.asarray(connected_components(self.matrix, directed=False)[1], np.int64)


def alpha_for(labels: Ids) -> float:
    """How far labels [n] (-1: none) should spread: the less far, the larger a share of the rows has one."""
    share = float((labels >= 0).mean()) if len(labels) else 0.0
    return 1 - float(np.clip(_STOPS * share, _LEAST_STOPS, _MOST_STOPS))


def conjugate_gradients(matrix: csr_array, right_hand: Floats, alpha: float) -> Floats:
    """Solve (I - alpha S) F = Y for all columns of Y at once, each with its own step lengths.

    Hestenes and Stiefel 1952. A column that has reached the tolerance keeps its solution while others go on.

    Args:
        matrix: S, symmetric, eigenvalues in [-1, 1], float32 [n, n].
        right_hand: Y, float32 [n, c].
        alpha: in (0, 1), so that the system is positive definite.

    Returns:
        F, float32 [n, c].

    """
    solution = np.zeros_like(right_hand)
    residual, direction = right_hand.copy(), right_hand.copy()  # [n, c]
    squared = _dots(residual, residual)  # [c]
    goal = TOLERANCE**2 * squared
    for _ in range(_MOST_STEPS):
        running = squared > goal
        if not running.any():
            break
        image = direction - np.float32(alpha) * product(matrix, direction)  # [n, c]
        step = np.divide(squared, _dots(direction, image), out=np.zeros_like(squared), where=running)
        solution += step.astype(np.float32) * direction
        residual -= step.astype(np.float32) * image
        after = _dots(residual, residual)
        turn = np.divide(after, squared, out=np.zeros_like(squared), where=running)
        direction *= turn.astype(np.float32)
        direction += residual
        squared = np.where(running, after, squared)
    return solution


def _dots(left: Floats, right: Floats) -> npt.NDArray[np.float64]:
    # einsum, not BLAS: the same sum on any number of threads. One column at a time would be slower.
    return np.asarray(np.einsum("ij,ij->j", left, right, dtype=np.float64))
