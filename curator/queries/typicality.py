"""The most typical image of each cluster that has no label yet."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from curator._arrays import Floats, Ids
from curator.queries._clusters import clusters
from curator.queries._greedy import NEAR_IDENTICAL
from curator.queries._pool import Picks, Pool
from curator_indexes import KnnGraph
from curator_indexes.runtime import load_faiss

_MOST_CLUSTERS = 500
_SMALL_CLUSTER = 5  # smaller clusters are passed over while larger ones have images left
_NEIGHBORS = 20


def typicality(pool: Pool, budget: int) -> Picks:
    """TypiClust: cluster the embeddings, then take each uncovered cluster's most typical image.

    Hacohen, Dekel and Weinshall, "Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets"
    (ICML 2022), algorithm 1: labelled + budget clusters (at most 500), visited by fewest labels, then by
    size; typicality is 1 / mean distance to the 20 nearest in the cluster. An image nearly identical
    (similarity above .98) to one labelled or picked waits until no other is left. The score counts down from
    `budget`: the order of visits is the ranking.
    """
    vectors = pool.vectors
    count = min(len(pool.labelled) + budget, _MOST_CLUSTERS, pool.graph.n)
    assigned = clusters(vectors, count, pool.rng)
    size = np.bincount(assigned, minlength=count)
    queues = _queues(pool, vectors, assigned, count)
    labelled = np.bincount(assigned[pool.labelled], minlength=count)
    ids, reasons = np.empty(budget, np.int64), []
    waiting = _taken_out(queues, assigned, _near_identical(pool.graph, pool.labelled))
    for place in range(budget):
        if not any(queues):
            for row in reversed(waiting):
                queues[assigned[row]].append(row)
            waiting = []
        cluster = _next_cluster(queues, labelled, size)
        ids[place] = queues[cluster].pop()
        waiting += _taken_out(queues, assigned, _near_identical(pool.graph, ids[place : place + 1]))
        group = f"{size[cluster]} images, {labelled[cluster]} of them labelled or picked before"
        reasons.append(f"the most typical left of a group of {group}")
        labelled[cluster] += 1
    return Picks(ids, np.arange(budget, 0, -1).astype(np.float64), reasons)


def _near_identical(graph: KnnGraph, rows: Ids) -> Ids:
    """Neighbours that are nearly the same image as one of the rows."""
    close = graph.similarities[rows] > NEAR_IDENTICAL
    return np.unique(graph.neighbors[rows][close]).astype(np.int64)


def _taken_out(queues: list[list[int]], assigned: Ids, rows: Ids) -> list[int]:
    """Take those of the rows out of the queues that are there, and return them."""
    found = [row for row in rows.tolist() if row in queues[assigned[row]]]
    for row in found:
        queues[assigned[row]].remove(row)
    return found


def _next_cluster(queues: list[list[int]], labelled: Ids, size: Ids) -> int:
    left = np.array([bool(queue) for queue in queues])
    return int(np.lexsort((-size, labelled, size <= _SMALL_CLUSTER, ~left))[0])


def _queues(pool: Pool, vectors: Floats, assigned: Ids, count: int) -> list[list[int]]:
    """Each cluster's candidates, the most typical last."""
    candidate = np.zeros(len(assigned), bool)
    candidate[pool.candidates] = True
    order = np.argsort(assigned, kind="stable")
    bounds = np.searchsorted(assigned[order], np.arange(count + 1))
    queues = []
    for low, high in pairwise(bounds):
        members = order[low:high]
        typical = _typicality(vectors[members])
        best_last = members[np.lexsort((-members, typical))]
        queues.append([int(row) for row in best_last[candidate[best_last]]])
    return queues


def _typicality(points: Floats) -> npt.NDArray[np.float64]:
    """1 / mean distance of each point to its nearest in the cluster, [c]; of a lone point, 0."""
    near = min(_NEIGHBORS, len(points) // 2)
    if near == 0:
        return np.zeros(len(points))
    faiss = load_faiss()
    nearest, _ = faiss.knn(points, points, near + 1, metric=faiss.METRIC_INNER_PRODUCT)  # itself among them
    distance = np.sqrt(np.maximum(2 - 2 * nearest.astype(np.float64), 0)).sum(axis=1) / near
    typical: npt.NDArray[np.float64] = 1 / np.maximum(distance, 1e-9)
    return typical
