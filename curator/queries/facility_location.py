"""Images nearest to the most others, each counted for the nearest only; needs the graph alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curator._arrays import Ids
from curator.queries._lazy import lazy_greedy
from curator.queries._pool import Picks, Pool
from curator.queries.herding import represents
from curator_indexes import KnnGraph


def facility_location(pool: Pool, budget: int) -> Picks:
    """Greedy maximisation of sum_y max_{x chosen or labelled} similarity(x, y); the score is the gain.

    Facility location on the sparse graph of nearest neighbours: Lindgren, Wu and Dimakis, "Leveraging
    Sparsity for Efficient Submodular Data Summarization" (NIPS 2016), section 3: image x serves y if x is
    among y's neighbours, or y itself, which is served by 1. Greedy, lazily evaluated (Minoux 1978).
    """
    service = _Service(pool.graph, pool.labelled)
    ids, gains, served = np.empty(budget, np.int64), np.empty(budget), []
    greedy = lazy_greedy(pool.candidates, service.gains()[pool.candidates], service.gain)
    for place, (row, gain) in zip(range(budget), greedy, strict=False):
        ids[place], gains[place] = row, gain
        served.append(service.add(row))
    return Picks(ids, np.minimum.accumulate(gains), [represents(count) for count in served])


class _Service:
    """How similar each image is to the most similar one chosen, and what a further one would add."""

    def __init__(self, graph: KnnGraph, chosen: Ids) -> None:
        listed = graph.neighbors.ravel()
        order = np.argsort(listed, kind="stable")
        self._starts = np.searchsorted(listed[order], np.arange(graph.n + 1))
        self._clients = (order // max(graph.k, 1)).astype(np.int32)  # who lists each row, row by row
        self._worth = np.maximum(graph.similarities.ravel()[order], 0).astype(np.float64)
        self._best = np.zeros(graph.n)
        for row in chosen:
            self.add(int(row))

    def gains(self) -> npt.NDArray[np.float64]:
        """The gain of every image, float64 [n]."""
        listed = np.repeat(np.arange(len(self._best)), np.diff(self._starts))
        more = np.maximum(self._worth - self._best[self._clients], 0)
        return 1 - self._best + np.bincount(listed, more, minlength=len(self._best))

    def gain(self, row: int) -> float:
        """The gain of one image."""
        clients, worth = self._served(row)
        return float(1 - self._best[row] + np.maximum(worth - self._best[clients], 0).sum())

    def add(self, row: int) -> int:
        """Choose an image; returns how many it serves better than those chosen before."""
        clients, worth = self._served(row)
        better = worth > self._best[clients]
        self._best[clients[better]] = worth[better]
        self._best[row] = 1
        return int(better.sum()) + 1

    def _served(self, row: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
        part = slice(self._starts[row], self._starts[row + 1])
        return self._clients[part], self._worth[part]
