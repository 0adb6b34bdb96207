"""Clusters of all images, for queries that take one image from each."""

from __future__ import annotations

import numpy as np

from curator._arrays import Floats, Ids
from curator_indexes.kmeans import nearest_centroid, spherical_kmeans

_POINTS_PER_CLUSTER = 256  # as FAISS: beyond this, centres hardly move
_ROUNDS = 10
# With few clusters a single start often joins two classes and halves a third. On training rows of CIFAR-10's
# embeddings the best of ten starts made ten labels worth 75 % instead of 69 %, on digits 85 instead of 79 %;
# with twenty and more labels it made no difference.
_MOST_STARTS, _STARTED_CLUSTERS = 10, 500


def clusters(vectors: Floats, count: int, rng: np.random.Generator) -> Ids:
    """A cluster number below `count` for each unit row, int64 [n]; some may stay empty."""
    n = len(vectors)
    sample = vectors[np.sort(rng.choice(n, min(n, count * _POINTS_PER_CLUSTER), replace=False))]  # [s, d]
    starts = max(1, min(_MOST_STARTS, _STARTED_CLUSTERS // count))
    found = [spherical_kmeans(sample, count, rng, rounds=_ROUNDS) for _ in range(starts)]
    best = max(found, key=lambda centers: _fit(sample, centers)) if starts > 1 else found[0]
    return nearest_centroid(vectors, best)


def _fit(points: Floats, centers: Floats) -> float:
    """What k-means maximises: the sum of the points' cosines to their centres."""
    near = centers[nearest_centroid(points, centers)]
    return float(np.einsum("nd,nd->", points, near, dtype=np.float64))
