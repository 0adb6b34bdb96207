"""Building the kNN graph of all rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator_indexes._blocks import Progress, for_each_block
from curator_indexes._duplicates import RowGroups, expand_groups, group_rows
from curator_indexes._exact import QUERY_ROWS
from curator_indexes._mirror import add_mirrored
from curator_indexes._neighbors import Found, nearest_others
from curator_indexes._plan import Plan, plan_search, sampled_recall
from curator_indexes._rows import Rows, open_rows
from curator_indexes.errors import VectorError
from curator_indexes.graph import KnnGraph

_LISTED_ROWS = 4096  # searched through lists at once: their products with the centroids are small
_MOST_ROWS = np.iinfo(np.int32).max


def knn_graph(
    embeddings: NDArray[Any],
    k: int = 50,
    *,
    seed: int = 0,
    recall: float = 0.98,
    progress: Progress | None = None,
) -> KnnGraph:
    """The k nearest rows of every row, by cosine similarity.

    Few rows are compared exactly, by blocked matrix products. Of many, short codes in inverted lists (FAISS)
    choose candidates, which are compared exactly; edges found from one end are then offered to the other.
    How many lists and candidates it takes to reach `recall` is found on a seeded sample of rows searched
    exactly; the recall reported is that of the finished graph on another sample. Where exact search is
    cheaper after all, the graph is exact. Equal input, k, seed and recall give equal bytes on any number of
    threads.

    Args:
        embeddings: [n, d], float16, float32 or float64; rows of any length; a memory map stays on disk when
            large. A zero row has similarity 0 to every row.
        k: how many neighbours; a graph of n rows has at most n - 1.
        seed: of the samples and of the clustering.
        recall: the share of true neighbours that must be found, above 0 to 1; 1 forces an exact graph.
        progress: called with (rows done, rows in all).

    Raises:
        VectorError: embeddings of another shape or type, NaN or infinite values, k < 1, recall outside (0,
        1].

    """
    check_k(k)
    rows = open_rows(embeddings)
    if len(rows) > _MOST_ROWS:
        raise VectorError(f"embeddings have {len(rows)} rows: a graph holds at most {_MOST_ROWS}")
    k = min(k, max(len(rows) - 1, 0))
    if k == 0:
        return KnnGraph(np.empty((len(rows), 0), np.int32), np.empty((len(rows), 0), np.float32))
    groups = group_rows(rows)
    distinct = rows if groups.plain else rows.only(groups.first)
    near = min(k, len(distinct) - 1)
    plan = plan_search(distinct, near, seed=seed, recall=recall, mirrored=True)
    found = _search_all(plan, near, progress)
    reached = 1.0 if plan.lists is None else sampled_recall(distinct, found, seed)
    ids, similarities = found if groups.plain else _with_copies(distinct, groups, found, k)
    return KnnGraph(ids, similarities, reached, plan.method)


def _search_all(plan: Plan, k: int, progress: Progress | None) -> Found:
    """The k nearest other rows of all rows."""
    if plan.lists is None:
        return nearest_others(plan.rows, np.arange(len(plan.rows)), plan.search, k, progress)
    chosen = plan.lists.rows_by_list()
    by_list = nearest_others(plan.rows, chosen, plan.search, k, progress, block=_LISTED_ROWS)
    ids, similarities = np.empty_like(by_list[0]), np.empty_like(by_list[1])
    ids[chosen], similarities[chosen] = by_list
    add_mirrored(ids, similarities)
    return ids, similarities


def check_k(k: int) -> None:
    """Raise VectorError unless k is a whole number of at least 1."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise VectorError(f"k is {k!r}: wanted a whole number of at least 1")


def _with_copies(distinct: Rows, groups: RowGroups, found: Found, k: int) -> Found:
    """From the neighbours of distinct rows to those of all rows: copies of a row are its neighbours too."""
    n, group_of_row = groups.n, groups.of_row
    ids, similarities = np.empty((n, k), np.int32), np.empty((n, k), np.float32)

    def work(low: int, high: int) -> None:
        group = group_of_row[low:high]
        near = np.hstack([group[:, None], found[0][group].astype(np.int64)])
        # A row's similarity to its copies is 1 without any rounding; a zero row's is 0.
        to_copies = distinct.take(group).any(axis=1, keepdims=True).astype(np.float32)
        scores = np.hstack([to_copies, found[1][group]])
        ids[low:high], similarities[low:high] = expand_groups(groups, near, scores, k, np.arange(low, high))

    for_each_block(work, n, QUERY_ROWS)
    return ids, similarities
