"""Seeded spherical k-means, the same on any number of threads."""

from __future__ import annotations

import numpy as np

from curator_indexes._blocks import for_each_block
from curator_indexes._rows import Floats, Ids, unit_rows
from curator_indexes.runtime import load_faiss

ASSIGNED_ROWS = 8192  # at once: small matrix products are several times slower a number


def spherical_kmeans(points: Floats, count: int, rng: np.random.Generator, *, rounds: int) -> Floats:
    """Directions that points gather around (Dhillon and Modha, Machine Learning 2001).

    Args:
        points: float32 [m, d], m >= count; their directions count, so rows should have about unit length.
        count: how many directions.
        rng: picks the points that are the first directions.
        rounds: of assigning points and moving directions.

    Returns:
        Unit rows float32 [count, d].

    """
    centroids = unit_rows(points[np.sort(rng.choice(len(points), count, replace=False))])
    for _ in range(rounds):
        centroids = _move(points, nearest_centroid(points, centroids), centroids)
    return centroids


def nearest_centroid(points: Floats, centroids: Floats) -> Ids:
    """The centroid [c, d] with the largest product with each point [m, d], int64 [m]."""
    faiss = load_faiss()
    points, nearest = np.ascontiguousarray(points, np.float32), np.empty(len(points), np.int64)

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
