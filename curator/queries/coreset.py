"""Images farthest from everything labelled or picked so far."""

from __future__ import annotations

import numpy as np

from curator._arrays import Floats
from curator.queries._pool import Picks, Pool

_BLOCK_ROWS = 1 << 12


def coreset(pool: Pool, budget: int) -> Picks:
    """Greedy k-centre on embeddings; the score is the distance to the nearest labelled or picked image.

    Sener and Savarese, "Active Learning for Convolutional Neural Networks: A Core-Set Approach" (ICLR 2018),
    algorithm 1, with the Euclidean distance of unit rows, sqrt(2 - 2 cos). With no label yet the first pick
    is the image most similar to the mean of all.
    """
    vectors = pool.vectors
    points = vectors[pool.candidates]  # [m, d]
    nearest = _nearest(points, vectors[pool.labelled])
    chosen = np.empty(budget, np.int64)
    scores = np.empty(budget)
    for place in range(budget):
        cold = place == 0 and not len(pool.labelled)
        pick = (points @ vectors.mean(axis=0)).argmax() if cold else nearest.argmin()
        chosen[place], scores[place] = pick, np.sqrt(max(2 - 2 * nearest[pick], 0))
        np.maximum(nearest, points @ points[pick], out=nearest)
        nearest[pick] = np.inf
    reasons = [f"at distance {score:.2f} from every image labelled or picked before" for score in scores]
    return Picks(pool.candidates[chosen], scores, reasons)


def _nearest(points: Floats, centers: Floats) -> Floats:
    """Similarity of each point [m, d] to the nearest center [c, d], float32 [m]; -1 where there is none."""
    nearest = np.full(len(points), -1, np.float32)
    for low in range(0, len(points), _BLOCK_ROWS):
        part = slice(low, low + _BLOCK_ROWS)
        for first in range(0, len(centers), _BLOCK_ROWS):
            similar = points[part] @ centers[first : first + _BLOCK_ROWS].T
            np.maximum(nearest[part], similar.max(axis=1), out=nearest[part])
    return nearest
