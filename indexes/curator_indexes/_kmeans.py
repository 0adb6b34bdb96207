"""Seeded spherical k-means, the same on any number of threads."""

from __future__ import annotations

import numpy as np

from curator_indexes._blocks import for_each_block
from curator_indexes._rows import Floats, Ids, Rows, unit_rows
from curator_indexes.runtime import load_faiss

_POINTS_PER_CENTROID = 64  # a rough clustering will do: the recall is reached by probing more lists
_ITERATIONS = 8
ASSIGNED_ROWS = 8192  # at once: small matrix products are several times slower a number


def train_centroids(rows: Rows, count: int, seed: int) -> Floats:
    """Unit centroids float32 [count, d] of a seeded sample of the rows; count <= n, rows distinct."""
    rng = np.random.default_rng(seed)
    sample = np.sort(rng.choice(len(rows), min(len(rows), count * _POINTS_PER_CENTROID), replace=False))
    points = rows.take(sample)  # [s, d]
    centroids = points[np.sort(rng.choice(len(points), count, replace=False))]
    everything = Rows(points, points)
    for _ in range(_ITERATIONS):
        centroids = _move(points, assign(everything, centroids), centroids)
    return centroids


def assign(rows: Rows, centroids: Floats) -> Ids:
    """The most similar centroid of each row, int64 [n]."""
    faiss = load_faiss()
    nearest = np.empty(len(rows), np.int64)

    def work(low: int, high: int) -> None:
        block = rows.block(low, high)
        nearest[low:high] = faiss.knn(block, centroids, 1, metric=faiss.METRIC_INNER_PRODUCT)[1][:, 0]

    for_each_block(work, len(rows), ASSIGNED_ROWS)
    return nearest


def _move(points: Floats, nearest: Ids, centroids: Floats) -> Floats:
    """Each centroid to the direction of its points' sum; one without points stays where it is."""
    order = np.argsort(nearest, kind="stable")
    used, starts = np.unique(nearest[order], return_index=True)
    moved = centroids.copy()
    moved[used] = unit_rows(np.add.reduceat(points[order], starts, axis=0))
    return moved
