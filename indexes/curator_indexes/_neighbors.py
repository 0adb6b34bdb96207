"""The neighbours of some rows among all rows, each row itself left out by its id."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curator_indexes._exact import SPARE, exact_search
from curator_indexes._ranking import Search, best_first, rescore
from curator_indexes._rows import Floats, Ids, Rows

Found = tuple[NDArray[np.int32], Floats]
"""Neighbours int32 [m, k] and similarities float32 [m, k], best first."""


def nearest_others(rows: Rows, chosen: Ids, search: Search, k: int) -> tuple[Ids, Floats]:
    """The k < n nearest other rows of each chosen row [b]; rows distinct; to be called in a worker thread."""
    queries = rows.take(chosen)
    m = min(len(rows), k + 1 + SPARE)
    ids = search(queries, m)
    ids[ids == chosen[:, None]] = -1
    short = (ids >= 0).sum(axis=1) < k
    ids, similarities = best_first(ids, rescore(rows, queries, ids), k)
    if short.any():  # the lists looked into hold too few rows: rare, so search all rows
        complete = exact_search(rows, queries[short], m)
        complete[complete == chosen[short, None]] = -1
        ids[short], similarities[short] = best_first(complete, rescore(rows, queries[short], complete), k)
    return ids, similarities
