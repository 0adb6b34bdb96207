"""Greedy choice of images whose neighbourhoods together cover the data (Bae et al., ECCV 2024)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from curator._arrays import Ids
from curator.queries._pool import Pool
from curator_indexes import KnnGraph, affinity

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_BLOCK_ROWS = 1 << 16
NEAR_IDENTICAL = 0.98  # similarity above which a second image teaches next to nothing


def cosines(graph: KnnGraph) -> csr_array:
    """The kernel of herding: the cosine of rows of which one is a neighbour of the other, else 0, [n, n]."""
    return affinity(graph, gamma=1.0, symmetrize="max")


@dataclass(frozen=True, eq=False)
class Cover:
    """Picks: ids int64 [b], gains float64 [b] not rising, and how many images each covers best so far."""

    ids: Ids
    gains: npt.NDArray[np.float64]
    represented: Ids


class _Coverage:
    """How well each image is covered by those chosen, and what each further one would gain.

    Image x covers itself by 1 and y by kernel_xy. The gain of x is the sum over y of
    weight_y max(kernel_xy - covered_y, 0).
    """

    def __init__(self, pool: Pool, kernel: csr_array, weights: npt.NDArray[np.float64]) -> None:
        self.starts, self.ids, self.values = kernel.indptr, kernel.indices, kernel.data
        self.weights = weights
        labelled = pool.labels >= 0
        self.covered, self.gains = labelled.astype(np.float64), np.empty(pool.graph.n)
        for rows, owner, part in self._blocks():  # symmetric: who covers a row is covered by it
            by = labelled[self.ids[part]]
            np.maximum.at(self.covered[rows], owner[by], self.values[part][by])
        for rows, owner, part in self._blocks():
            ids = self.ids[part]
            gain = weights[ids] * np.maximum(self.values[part] - self.covered[ids], 0)
            own = weights[rows] * (1 - self.covered[rows])
            self.gains[rows] = own + np.bincount(owner, gain, minlength=len(own))

    def _blocks(self) -> Iterator[tuple[slice, npt.NDArray[np.int64], slice]]:
        """Rows few enough for what is worked out of all their entries, the row of each entry, the entries."""
        n = len(self.starts) - 1
        for low in range(0, n, _BLOCK_ROWS):
            high = min(low + _BLOCK_ROWS, n)
            lengths = np.diff(self.starts[low : high + 1])
            owner = np.repeat(np.arange(high - low), lengths)
            yield slice(low, high), owner, slice(self.starts[low], self.starts[high])

    def neighbors(self, row: int) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.float64]]:
        """Ids and kernel values of those that `row` covers, itself left out."""
        part = slice(self.starts[row], self.starts[row + 1])
        return self.ids[part], self.values[part].astype(np.float64)

    def add(self, row: int) -> int:
        """Choose `row`; returns how many images it covers better than those chosen before."""
        ids, values = self.neighbors(row)
        better = values > self.covered[ids]
        improved = np.append(ids[better], row)
        after = np.append(values[better], 1.0)
        before = self.covered[improved].copy()
        self.covered[improved] = after
        self._lower_gains(improved, before, after)
        return len(improved)

    def _lower_gains(
        self, improved: Ids, before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]
    ) -> None:
        """Take from every image what it would have gained at those that have just become better covered."""
        lengths = self.starts[improved + 1] - self.starts[improved]
        owner = np.repeat(np.arange(len(improved)), lengths)
        places = np.arange(lengths.sum()) + np.repeat(
            self.starts[improved] - np.cumsum(lengths) + lengths, lengths
        )
        others, value = self.ids[places], self.values[places]  # symmetric: row y lists who covers y
        lost = np.maximum(value - before[owner], 0) - np.maximum(value - after[owner], 0)
        np.subtract.at(self.gains, others, self.weights[improved][owner] * lost)
        self.gains[improved] -= self.weights[improved] * ((1 - before) - (1 - after))


def greedy_cover(
    pool: Pool,
    kernel: csr_array,
    weights: npt.NDArray[np.float64],
    budget: int,
    *,
    near_identical: float = NEAR_IDENTICAL,
) -> Cover:
    """Pick the image of the largest gain, `budget` times; ties by lower id.

    Args:
        pool: to choose from.
        kernel: how well each image covers each other one, in [0, 1], symmetric, empty diagonal, [n, n].
        weights: how much covering each image is worth, [n], not negative.
        budget: how many.
        near_identical: an image that one labelled or picked covers by more waits until no other is left.

    """
    coverage = _Coverage(pool, kernel, weights)
    open_ = np.zeros(pool.graph.n, bool)
    open_[pool.candidates] = True
    waiting = np.zeros(pool.graph.n, bool)

    def twins(row: int) -> npt.NDArray[np.integer]:
        ids, values = coverage.neighbors(row)
        return ids[values > near_identical]

    for row in pool.labelled:
        waiting[twins(int(row))] = True
    ids, gains, represented = np.empty(budget, np.int64), np.empty(budget), np.empty(budget, np.int64)
    for place in range(budget):
        if not (open_ & ~waiting).any():
            waiting[:] = False
        pick = int(np.where(open_ & ~waiting, coverage.gains, -np.inf).argmax())
        ids[place], gains[place] = pick, max(coverage.gains[pick], 0.0)
        represented[place] = coverage.add(pick)
        open_[pick] = False
        waiting[twins(pick)] = True
    return Cover(ids, np.minimum.accumulate(gains), represented)
