"""The neighbours of chosen rows among all rows, the row itself left out by its id."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curator_indexes._blocks import Progress, for_each_block
from curator_indexes._exact import QUERY_ROWS, exact_search
from curator_indexes._ranking import Search, best_first, rescore
from curator_indexes._rows import Floats, Ids, Rows

Found = tuple[NDArray[np.int32], Floats]
"""Neighbours int32 [m, k] and similarities float32 [m, k], best first."""

SPARE = 8  # candidates beyond k + 1: the search's own rounding cannot then push a true neighbour out


def nearest_others(
    rows: Rows, chosen: Ids, search: Search, k: int, progress: Progress | None = None
) -> Found:
    """The k < n nearest other rows of each chosen row; rows must be distinct."""
    ids = np.empty((len(chosen), k), np.int32)
    similarities = np.empty((len(chosen), k), np.float32)

    def work(low: int, high: int) -> None:
        part = slice(low, high)
        ids[part], similarities[part] = _search_block(rows, chosen[part], search, k)

    for_each_block(work, len(chosen), QUERY_ROWS, progress)
    return ids, similarities


def _search_block(rows: Rows, chosen: Ids, search: Search, k: int) -> tuple[Ids, Floats]:
    queries = rows.take(chosen)
    m = min(len(rows), k + 1 + SPARE + (k // 4 if rows.unit is None else 0))  # more where lists hold float16
    ids = search(queries, m)
    ids[ids == chosen[:, None]] = -1
    short = (ids >= 0).sum(axis=1) < k
    if short.any():  # the lists probed hold too few rows: rare, so search all rows
        complete = exact_search(rows, queries[short], m)
        ids[short] = np.where(complete == chosen[short, None], -1, complete)
    return best_first(ids, rescore(rows, queries, ids), k)
