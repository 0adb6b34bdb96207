"""Greedy choice of images whose neighbourhoods together cover the data (Bae et al., ECCV 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from curator._inputs import Ids
from curator.queries._pool import Pool
from curator_indexes import KnnGraph, affinity

if TYPE_CHECKING:
    from scipy.sparse import csr_array

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
        self.starts, self.ids, self.values = kernel.indptr, kernel.indices, kernel.data.astype(np.float64)
        self.weights = weights
        owner = np.repeat(np.arange(pool.graph.n), np.diff(self.starts))
        by_labelled = pool.labels[owner] >= 0
        self.covered = (pool.labels >= 0).astype(np.float64)
        np.maximum.at(self.covered, self.ids[by_labelled], self.values[by_labelled])
        gain = weights[self.ids] * np.maximum(self.values - self.covered[self.ids], 0)
        self.gains = weights * (1 - self.covered) + np.bincount(owner, gain, minlength=pool.graph.n)

    def neighbors(self, row: int) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.float64]]:
        """Ids and kernel values of those that `row` covers, itself left out."""
        part = slice(self.starts[row], self.starts[row + 1])
        return self.ids[part], self.values[part]

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
