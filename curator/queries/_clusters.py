"""Seeded spherical k-means, the same on any number of threads."""

from __future__ import annotations

import numpy as np

from curator._inputs import Floats, Ids
from curator_indexes import VectorIndex

_POINTS_PER_CLUSTER = 256  # as FAISS: beyond this, centres hardly move
_ITERATIONS = 10


def clusters(vectors: Floats, count: int, rng: np.random.Generator) -> Ids:
    """A cluster number below `count` for each unit row, int64 [n]; some may stay empty."""
    n = len(vectors)
    sample = vectors[np.sort(rng.choice(n, min(n, count * _POINTS_PER_CLUSTER), replace=False))]  # [s, d]
    centers = sample[np.sort(rng.choice(len(sample), count, replace=False))]  # [count, d]
    for _ in range(_ITERATIONS):
        centers = _move(sample, _assign(sample, centers), centers)
    return _assign(vectors, centers)


def _assign(points: Floats, centers: Floats) -> Ids:
    return VectorIndex.build(centers, recall=1.0).search(points, 1)[0][:, 0]


def _move(points: Floats, assigned: Ids, centers: Floats) -> Floats:
    """Each centre to the direction of its points' sum; one without points stays where it is."""
    sums = np.zeros(centers.shape)
    np.add.at(sums, assigned, points)
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.where(length > 0, sums / np.maximum(length, 1e-12), centers).astype(np.float32)
