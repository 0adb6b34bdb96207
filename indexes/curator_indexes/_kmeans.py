"""Seeded spherical k-means, the same on any number of threads."""

from __future__ import annotations

import numpy as np

from curator_indexes._blocks import for_each_block
from curator_indexes._rows import Floats, Ids, unit_rows
from curator_indexes.runtime import load_faiss

POINTS_PER_CENTROID = 64  # a rough clustering will do: the recall is reached by probing more lists
_ITERATIONS = 8
ASSIGNED_ROWS = 8192  # at once: small matrix products are several times slower a number


def train_centroids(points: Floats, count: int, seed: int) -> Floats:
    """Unit centroids float32 [count, d] of a sample of points [m, d], m >= count, by their directions."""
    order = np.random.default_rng(seed).permutation(len(points))
    centroids = unit_rows(points[np.sort(order[:count])])
    for _ in range(_ITERATIONS):
        centroids = _move(points, _assign(points, centroids), centroids)
    return centroids


def _assign(points: Floats, centroids: Floats) -> Ids:
    """The most similar centroid of each point, int64 [m]."""
    faiss = load_faiss()
    nearest = np.empty(len(points), np.int64)

    def work(low: int, high: int) -> None:
        similar = faiss.knn(points[low:high], centroids, 1, metric=faiss.METRIC_INNER_PRODUCT)[1]
        nearest[low:high] = similar[:, 0]

    for_each_block(work, len(points), ASSIGNED_ROWS)
    return nearest


def _move(points: Floats, nearest: Ids, centroids: Floats) -> Floats:
    """Each centroid to the direction of its points' sum; one without points stays where it is."""
    order = np.argsort(nearest, kind="stable")
    used, starts = np.unique(nearest[order], return_index=True)
    moved = centroids.copy()
    moved[used] = unit_rows(np.add.reduceat(points[order], starts, axis=0))
    return moved
