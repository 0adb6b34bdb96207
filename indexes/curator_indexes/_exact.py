"""Exact search by blocked matrix products."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curator_indexes._blocks import for_each_block
from curator_indexes._ranking import best_first, rescore
from curator_indexes._rows import Floats, Ids, Rows, block_rows
from curator_indexes.runtime import load_faiss

SPARE = 8  # candidates beyond k + 1: the search's own rounding cannot then push a true neighbour out
BASE_ROWS = 16_384
QUERY_ROWS = 1024  # a block of queries: large enough for matrix products, small enough to share among threads


def exact_search(rows: Rows, queries: Floats, m: int) -> Ids:
    """The m <= n rows nearest to each query [b, d], int64 [b, m], in no promised order.

    Rows too many to be held as float32 are normalised again for each block of queries: d steps a
    row, where the product takes d for each query.
    """
    if rows.held is not None and rows.ids is None:
        return _block_search(rows.block(0, len(rows)), queries, m)[0]
    ids = np.empty((len(queries), 0), np.int64)
    similarities = np.empty((len(queries), 0), np.float32)
    size = max(m, block_rows(rows.d))
    for low in range(0, len(rows), size):
        block = rows.block(low, min(low + size, len(rows)))
        more_ids, more = _block_search(block, queries, min(m, len(block)))
        ids, similarities = np.hstack([ids, more_ids + low]), np.hstack([similarities, more])
        ids, similarities = best_first(ids, similarities, m)
    return ids


def exact_others(rows: Rows, chosen: Ids, k: int) -> tuple[NDArray[np.int32], Floats]:
    """The k < n nearest other rows of a few chosen rows [s]: int32 [s, k] and float32 [s, k].

    The work is shared out over the rows searched, not over the queries: those are too few.
    """
    queries = rows.take(chosen)
    m = min(len(rows), k + 1 + SPARE)
    size = max(m, BASE_ROWS)
    parts: list[tuple[Ids, Floats]] = [_NOTHING] * -(-len(rows) // size)

    def work(low: int, high: int) -> None:
        ids, similarities = _block_search(rows.block(low, high), queries, min(m, high - low))
        parts[low // size] = ids + low, similarities

    for_each_block(work, len(rows), size)
    ids, similarities = (np.hstack(column) for column in zip(*parts, strict=True))
    ids = best_first(ids, similarities, m)[0]
    ids[ids == chosen[:, None]] = -1
    others, similarities = np.empty((len(chosen), k), np.int32), np.empty((len(chosen), k), np.float32)

    def rank(low: int, high: int) -> None:
        part = slice(low, high)
        scores = rescore(rows, queries[part], ids[part])
        others[part], similarities[part] = best_first(ids[part], scores, k)

    for_each_block(rank, len(chosen), QUERY_ROWS)
    return others, similarities


_NOTHING = np.empty((0, 0), np.int64), np.empty((0, 0), np.float32)


def _block_search(base: Floats, queries: Floats, m: int) -> tuple[Ids, Floats]:
    faiss = load_faiss()
    similarities, ids = faiss.knn(queries, base, m, metric=faiss.METRIC_INNER_PRODUCT)
    return ids, similarities
