"""Clusters of all images, for queries that take one image from each."""

from __future__ import annotations

import numpy as np

from curator._inputs import Floats, Ids
from curator_indexes.kmeans import nearest_centroid, spherical_kmeans

_POINTS_PER_CLUSTER = 256  # as FAISS: beyond this, centres hardly move
_ROUNDS = 10


def clusters(vectors: Floats, count: int, rng: np.random.Generator) -> Ids:
    """A cluster number below `count` for each unit row, int64 [n]; some may stay empty."""
    n = len(vectors)
    sample = vectors[np.sort(rng.choice(n, min(n, count * _POINTS_PER_CLUSTER), replace=False))]  # [s, d]
    return nearest_centroid(vectors, spherical_kmeans(sample, count, rng, rounds=_ROUNDS))
