"""Inverted lists (FAISS IVF) over distinct unit rows, and how many of them to probe for a wanted recall."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from curator_indexes._blocks import in_one_thread
from curator_indexes._kmeans import assign, train_centroids
from curator_indexes._rows import Floats, Ids, Rows, block_rows
from curator_indexes.runtime import load_faiss

LISTS_PER_ROOT = 2.0  # lists = this * sqrt(n): shortest total time at 20,000-50,000 rows
MOST_PROBED = (
    0.25  # scanning a list costs four times a matrix product, pair by pair: beyond this, exact is faster
)


@dataclass(frozen=True, eq=False)
class InvertedLists:
    """A FAISS IVF index whose ids are 0 to n-1."""

    index: Any

    @property
    def count(self) -> int:
        """How many lists there are."""
        return int(self.index.nlist)

    def search(self, queries: Floats, m: int, probes: int) -> tuple[Ids, Floats]:
        """The m nearest rows in the `probes` nearest lists: ids [b, m] (-1: none), similarities [b, m]."""
        parameters = load_faiss().SearchParametersIVF(nprobe=min(probes, self.count))
        similarities, ids = self.index.search(np.ascontiguousarray(queries), m, params=parameters)
        return ids, similarities


def build_lists(rows: Rows, seed: int) -> InvertedLists:
    """Train and fill the lists. Rows too many to be held as float32 are stored as float16."""
    count = max(1, min(len(rows), int(LISTS_PER_ROOT * len(rows) ** 0.5)))
    centroids = train_centroids(rows, count, seed)
    index = _empty_index(centroids, half=rows.unit is None)
    nearest = assign(rows, centroids)
    in_one_thread(lambda: _fill(index, rows, nearest))
    return InvertedLists(index)


def _empty_index(centroids: Floats, *, half: bool) -> Any:
    faiss = load_faiss()
    count, d = centroids.shape
    quantizer = faiss.IndexFlatIP(d)
    in_one_thread(lambda: quantizer.add(centroids))
    if half:
        kind = faiss.ScalarQuantizer.QT_fp16
        index = faiss.IndexIVFScalarQuantizer(quantizer, d, count, kind, faiss.METRIC_INNER_PRODUCT, False)
    else:
        index = faiss.IndexIVFFlat(quantizer, d, count, faiss.METRIC_INNER_PRODUCT)
    index.own_fields = True  # the index frees the quantizer; Python must not
    quantizer.this.disown()
    index.is_trained = True
    return index


def _fill(index: Any, rows: Rows, nearest: Ids) -> None:
    faiss = load_faiss()
    size = block_rows(rows.d)
    for low in range(0, len(rows), size):
        block = np.ascontiguousarray(rows.block(low, min(low + size, len(rows))))
        ids = np.arange(low, low + len(block))
        index.add_core(len(block), *map(faiss.swig_ptr, (block, ids, nearest[low : low + len(block)])))


def fewest_probes(count: int, recall_at: Callable[[int], float], target: float) -> int | None:
    """The fewest lists to probe (to within a tenth) that reach `target`; None when exact search is cheaper.

    Args:
        count: how many lists there are.
        recall_at: measures the recall with that many probes; grows with them.
        target: the wanted recall, 0 to 1.

    """
    most = int(count * MOST_PROBED)
    ladder = sorted({min(most, int(1.1**step) + step) for step in range(1, 200)} - {0})
    place = bisect_left(ladder, target, key=recall_at)
    return ladder[place] if place < len(ladder) else None
