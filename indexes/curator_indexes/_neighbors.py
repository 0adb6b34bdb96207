"""The neighbours of chosen rows among all rows, the row itself left out by its id."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curator_indexes._blocks import Progress, for_each_block
from curator_indexes._exact import QUERY_ROWS, SPARE, exact_search
from curator_indexes._ranking import Search, best_first, rescore
from curator_indexes._rows import Floats, Ids, Rows

Found = tuple[NDArray[np.int32], Floats]
"""Neighbours int32 [m, k] and similarities float32 [m, k], best first."""


def nearest_others(
    rows: Rows,
    chosen: Ids,
    search: Search,
    k: int,
    progress: Progress | None = None,
    *,
    block: int = QUERY_ROWS,
) -> Found:
    """The k < n nearest other rows of each chosen row; rows must be distinct."""
    ids = np.empty((len(chosen), k), np.int32)
    similarities = np.empty((len(chosen), k), np.float32)

    def work(low: int, high: int) -> None:
        part = slice(low, high)
        ids[part], similarities[part] = _search_block(rows, chosen[part], search, k)

    for_each_block(work, len(chosen), block, progress)
    return ids, similarities


def _search_block(rows: Rows, chosen: Ids, search: Search, k: int) -> tuple[Ids, Floats]:
    queries = rows.take(chosen)
    m = min(len(rows), k + 1 + SPARE)
    ids = search(queries, m)
    ids[ids == chosen[:, None]] = -1
    similarities = rescore(rows, queries, ids)
    short = (ids >= 0).sum(axis=1) < k
    ids, similarities = best_first(ids, similarities, k)
    if short.any():  # the lists probed hold too few rows: rare, so search all rows
        complete = exact_search(rows, queries[short], m)
        complete[complete == chosen[short, None]] = -1
        ids[short], similarities[short] = best_first(complete, rescore(rows, queries[short], complete), k)
    return ids, similarities
