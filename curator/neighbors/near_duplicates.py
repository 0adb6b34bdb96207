"""Which images are near duplicates of one another, by a threshold that each data set sets for itself."""

from __future__ import annotations

import numpy as np

from curator._arrays import Ids, Reals
from curator.neighbors.votes import COPY_SIMILARITY, linked_groups
from curator_indexes import KnnGraph

_OF_NATURAL = 1 / 3  # nearer than this part of the distance at which other images lie
_NATURAL_QUANTILE = 0.8  # of second-nearest distances: natural as long as under 4 in 5 rows are of a burst
_STEP = np.sqrt(2)
_MOST_AT_STAKE = 0.1  # share of rows whose nearest neighbour may lie within one step of the threshold
_LARGEST, _FEW = 0.05, 50  # a group above this share of the rows (and this size) is a class, not a burst


def near_duplicate_groups(graph: KnnGraph) -> Ids:
    """A group number for each row, int64 [n]: rows linked by near duplicates share one."""
    return linked_groups(graph, near_duplicate_similarity(graph))


def near_duplicate_similarity(graph: KnnGraph) -> float:
    """The similarity above which two rows are near duplicates, a threshold of the data set.

    As a distance 1 - similarity, it is the largest that is at most a third of the distance at which other
    images lie (the 80 % quantile of second-nearest distances), that sits in a gap (at most a tenth of the
    rows have their nearest neighbour within a factor of 1.41 of it), and that makes no group of over 5 % of
    the rows. cleanlab's Datalab takes .13 of the median nearest distance, which a data set full of copies
    shrinks to nothing.
    """
    if not graph.k:
        return COPY_SIMILARITY
    distances = np.maximum(1 - graph.similarities[:, : min(2, graph.k)].astype(np.float64), 0)
    limit = float(np.quantile(distances[:, -1], _NATURAL_QUANTILE)) * _OF_NATURAL
    while limit > 1 - COPY_SIMILARITY:
        if _in_a_gap(distances[:, 0], limit):
            groups = linked_groups(graph, 1 - limit)
            if np.bincount(groups).max(initial=0) <= max(_LARGEST * graph.n, _FEW):
                return 1 - limit
        limit /= _STEP ** (1 / 4)
    return COPY_SIMILARITY


def _in_a_gap(nearest: Reals, limit: float) -> bool:
    return bool(((nearest > limit / _STEP) & (nearest < limit * _STEP)).mean() <= _MOST_AT_STAKE)
