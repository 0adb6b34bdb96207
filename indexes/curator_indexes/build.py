"""Building the kNN graph of all rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator_indexes._blocks import Progress, for_each_block
from curator_indexes._construction import Finished, open_task, search_all
from curator_indexes._exact import QUERY_ROWS
from curator_indexes._plan import plan_search, reached_recall
from curator_indexes.errors import VectorError
from curator_indexes.graph import KnnGraph


def knn_graph(
    embeddings: NDArray[Any],
    k: int = 50,
    *,
    seed: int = 0,
    recall: float = 0.98,
    memory_limit: int | None = None,
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
        memory_limit: bytes that may be taken, besides the embeddings and the graph itself; None keeps a
            float32 copy of up to two gigabytes. Embeddings larger than memory are best memory-mapped.
        progress: called with (rows done, rows in all).

    Raises:
        VectorError: embeddings of another shape or type, NaN or infinite values, k < 1, recall outside
            (0, 1], or a memory_limit that is too low for this many rows.

    """
    check_k(k)
    task = open_task(embeddings, k, memory_limit)
    n = task.groups.n
    result = np.empty((n, task.k), np.int32), np.empty((n, task.k), np.float32)
    if task.k == 0:
        return KnnGraph(*result)
    plan = plan_search(task.rows, task.near, seed=seed, recall=recall, mirrored=True)
    found = np.empty((len(task.rows), task.near), np.int32), np.empty((len(task.rows), task.near), np.float32)
    search_all(task, plan, found, progress=progress)
    finished = Finished(task, plan, found)

    def work(low: int, high: int) -> None:
        result[0][low:high], result[1][low:high] = finished.rows(low, high)

    for_each_block(work, n, QUERY_ROWS)
    return KnnGraph(*result, reached_recall(plan, finished.distinct_rows, task.near, seed), plan.method)


def check_k(k: int) -> None:
    """Raise VectorError unless k is a whole number of at least 1."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise VectorError(f"k is {k!r}: wanted a whole number of at least 1")
