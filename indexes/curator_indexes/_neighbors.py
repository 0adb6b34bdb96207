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
    return nearest_rows(rows, rows.take(chosen), search, k, own=chosen)


def nearest_rows(
    rows: Rows, queries: Floats, search: Search, k: int, own: Ids | None = None
) -> tuple[Ids, Floats]:
    """The k nearest rows to each query [b, d], but for the query's `own` row [b] where it has one."""
    m = min(len(rows), k + SPARE + (own is not None))
    ids = _without(search(queries, m), own)
    short = (ids >= 0).sum(axis=1) < k
    ids, similarities = best_first(ids, rescore(rows, queries, ids), k)
    if short.any():  # the lists looked into hold too few rows: rare, so search all rows
        complete = _without(exact_search(rows, queries[short], m), None if own is None else own[short])
        ids[short], similarities[short] = best_first(complete, rescore(rows, queries[short], complete), k)
    return ids, similarities


def _without(ids: Ids, own: Ids | None) -> Ids:
    """Candidates [b, m] with each query's own row made none (-1), in place."""
    if own is not None:
        ids[ids == own[:, None]] = -1
    return ids
