"""Label diffusion over a graph: (I - alpha S) F = Y solved by conjugate gradients, many columns at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from curator._arrays import Floats, Ids
from curator.errors import CuratorError
from curator.propagation._pushes import Pushes, Spread
from curator_indexes import KnnGraph, affinity, conjugate_gradients, normalized

if TYPE_CHECKING:
    from scipy.sparse import csr_array

NEIGHBORS, GAMMA = 15, 8.0  # what propagation uses unless told otherwise
_STOPS, _LEAST_STOPS, _MOST_STOPS = 6.0, 0.02, 0.2  # 1 - alpha: times the labelled share, at least, at most
COLUMNS_AT_ONCE = 16  # bounds working memory at five blocks of [n, 16], whatever the number of classes
FITS_CACHE = 1 << 15  # rows: below, their order does not matter


class Diffusion:
    """The operator K = (I - alpha S)^-1, S = D^-1/2 W D^-1/2 (Zhou et al., NIPS 2003, eq. 4).

    Inside, the rows of a large graph lie in another order, neighbours near each other: products with S then
    take a third of the time.

    Attributes:
        alpha: how far labels spread, in (0, 1).
        edges: how many entries of S are not 0.

    """

    def __init__(self, graph: KnnGraph, *, k: int, gamma: float, alpha: float) -> None:
        if not 0 < alpha < 1:
            raise CuratorError(f"alpha is {alpha!r}: wanted a number above 0 and below 1")
        if k < 1 or not gamma > 0:
            raise CuratorError(f"k is {k!r} and gamma is {gamma!r}: wanted k of at least 1 and gamma above 0")
        self.alpha = float(alpha)
        affinities = affinity(graph, k=k, gamma=gamma)
        self._order = np.arange(graph.n) if graph.n <= FITS_CACHE else _neighbors_together(affinities)
        self._places = np.empty_like(self._order)
        self._places[self._order] = np.arange(graph.n)
        if graph.n > FITS_CACHE:
            affinities = _renumbered(affinities, self._order, self._places)
        self._degrees: Floats = np.asarray(affinities.sum(axis=1), np.float32).ravel()
        self._matrix: csr_array = normalized(affinities)
        self.edges = int(self._matrix.nnz)

    @property
    def n(self) -> int:
        """How many rows the graph has."""
        return len(self._order)

    def spread(self, rows: Ids, columns: Ids, weights: Floats, count: int) -> Floats:
        """K Y, float32 [n, count], where Y holds `weights` at (`rows`, `columns`) and 0 elsewhere."""
        spread = np.empty((self.n, count), np.float32)
        for part, block in self.spread_parts(rows, columns, weights, count):
            spread[:, part] = block
        return spread

    def spread_parts(
        self, rows: Ids, columns: Ids, weights: Floats, count: int
    ) -> Iterator[tuple[slice, Floats]]:
        """The columns of `spread`, a few at a time."""
        places = self._places[rows]
        for low in range(0, count, COLUMNS_AT_ONCE):
            high = min(low + COLUMNS_AT_ONCE, count)
            inside = (columns >= low) & (columns < high)
            block = np.zeros((self.n, high - low), np.float32)
            np.add.at(block, (places[inside], columns[inside] - low), weights[inside])
            yield slice(low, high), conjugate_gradients(self._matrix, block, self.alpha)[self._places]

    def push(self, row: int, weight: float) -> Spread:
        """The row's column of K times a weight, as far as local pushes go."""
        pushed = self._pushes.spread(int(self._places[row]), weight)
        return pushed._replace(rows=self._order[pushed.rows])

    def smooth(self, values: Floats, alpha: float) -> Floats:
        """(1 - alpha) (I - alpha S)^-1 V for values V, float32 [n, c]."""
        smoothed = np.empty_like(values)
        for low in range(0, values.shape[1], COLUMNS_AT_ONCE):
            part = slice(low, low + COLUMNS_AT_ONCE)
            smoothed[self._order, part] = conjugate_gradients(self._matrix, values[self._order, part], alpha)
        smoothed *= np.float32(1 - alpha)
        return smoothed

    @cached_property
    def components(self) -> Ids:
        """The connected component of each row, int64 [n]."""
        from scipy.sparse.csgraph import connected_components

        # The matrix is symmetric: "strong" finds the same components without a copy of its transpose.
        labels = connected_components(self._matrix, connection="strong")[1]
        return np.asarray(labels[self._places], np.int64)

    @cached_property
    def _pushes(self) -> Pushes:
        return Pushes(self._matrix, self._degrees, self.alpha)


def _renumbered(affinities: csr_array, order: Ids, places: Ids) -> csr_array:
    """Rows and columns in another order; indexing columns would take a third copy."""
    renumbered = affinities[order]
    renumbered.indices[:] = places.astype(renumbered.indices.dtype)[renumbered.indices]
    renumbered.has_sorted_indices = False
    renumbered.sort_indices()
    return renumbered


def _neighbors_together(affinities: csr_array) -> Ids:
    """An order of the rows in which neighbours are near each other (Cuthill and McKee 1969, reversed)."""
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    return np.asarray(reverse_cuthill_mckee(affinities, symmetric_mode=True), np.int64)


def alpha_for(labels: Ids) -> float:
    """How far labels [n] (-1: none) should spread: the less far, the larger a share of the rows has one."""
    share = float((labels >= 0).mean()) if len(labels) else 0.0
    return 1 - float(np.clip(_STOPS * share, _LEAST_STOPS, _MOST_STOPS))
