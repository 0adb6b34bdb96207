"""Neighbours from outside of an image's own group of near duplicates."""

from __future__ import annotations

import numpy as np

from curator._arrays import Floats, Ids
from curator.neighbors.near_duplicates import near_duplicate_groups
from curator_indexes import KnnGraph, VectorIndex


def groups_and_outsiders(graph: KnnGraph, labels: Ids, vectors: Floats | None) -> tuple[Ids, KnnGraph]:
    """Group numbers int64 [n], and the graph with other images' rows for members of large groups.

    Near duplicates crowd each other's lists: in a burst of 24, ten neighbours are all of the burst. Rows that
    lose half of their list to their own group are searched for anew by their unit `vectors` [n, d], among one
    row of each group. Without vectors that cannot be, and such rows keep what is left.
    """
    groups = near_duplicate_groups(graph)
    own = groups[graph.neighbors] == groups[:, None]
    crowded = np.flatnonzero(own.sum(axis=1) * 2 >= graph.k) if graph.k else np.arange(0)
    leaders = _leaders(groups, labels)
    if vectors is None or not len(crowded) or len(leaders) <= graph.k:
        return groups, graph
    index = VectorIndex.build(vectors[leaders])
    near, similarities = index.search(vectors[crowded], graph.k + 1)
    others = groups[leaders[near]] != groups[crowded, None]  # [m, k + 1], False for the own group's leader
    others[others.all(axis=1), -1] = False
    neighbors, found = np.array(graph.neighbors), np.array(graph.similarities)
    shape = (len(crowded), graph.k)
    neighbors[crowded] = leaders[near][others].reshape(shape)
    found[crowded] = np.clip(similarities[others].reshape(shape), -1, 1)
    return groups, KnnGraph(neighbors, found, graph.recall, graph.method)


def _leaders(groups: Ids, labels: Ids) -> Ids:
    """One row of each group, a labelled one where there is one, int64 [groups], ascending."""
    order = np.lexsort((np.arange(len(groups)), labels < 0, groups))
    first = np.diff(groups[order], prepend=-1) != 0
    return np.sort(order[first])
