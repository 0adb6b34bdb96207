"""Exact search by blocked matrix products."""

from __future__ import annotations

import numpy as np

from curator_indexes._ranking import best_first
from curator_indexes._rows import Floats, Ids, Rows, block_rows
from curator_indexes.runtime import load_faiss

QUERY_ROWS = 1024  # a block of queries: large enough for matrix products, small enough to share among threads


def exact_search(rows: Rows, queries: Floats, m: int) -> Ids:
    """The m <= n rows nearest to each query [b, d], int64 [b, m], in no promised order.

    Rows too many to be held as float32 are normalised again for each block of queries: d steps a
    row, where the product takes d for each query.
    """
    if rows.unit is not None:
        return _block_search(rows.unit, queries, m)[0]
    ids = np.empty((len(queries), 0), np.int64)
    similarities = np.empty((len(queries), 0), np.float32)
    size = max(m, block_rows(rows.d))
    for low in range(0, len(rows), size):
        block = rows.block(low, min(low + size, len(rows)))
        more_ids, more = _block_search(block, queries, min(m, len(block)))
        ids, similarities = np.hstack([ids, more_ids + low]), np.hstack([similarities, more])
        ids, similarities = best_first(ids, similarities, m)
    return ids


def _block_search(base: Floats, queries: Floats, m: int) -> tuple[Ids, Floats]:
    faiss = load_faiss()
    similarities, ids = faiss.knn(queries, base, m, metric=faiss.METRIC_INNER_PRODUCT)
    return ids, similarities
