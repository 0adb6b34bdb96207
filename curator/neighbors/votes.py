"""The tally of neighbours' votes, on which both kNN predictions and label audits rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from curator._arrays import Floats, Ids, Reals
from curator_indexes import KnnGraph

COPY_SIMILARITY = 0.9999  # above the rounding of float16 embeddings, below two different photographs
_BLOCK_ROWS = 1 << 13


def vote(
    graph: KnnGraph,
    labels: Ids,
    n_classes: int,
    *,
    groups: Ids,
    k: int,
    temperature: float,
    trust: npt.NDArray[np.floating[Any]] | None = None,
    own_group: bool = True,
) -> tuple[Floats, Floats]:
    """The k nearest labelled neighbours' shares of the vote, and how many voters there were.

    Args:
        graph: the kNN graph.
        labels: int64 [n], -1 where unlabelled.
        n_classes: C.
        groups: a group number for each row, int64 [n]; members of one group are one voter.
        k: at most so many voters.
        temperature: a voter's weight is exp(similarity / temperature).
        trust: a further weight of each row, [n].
        own_group: whether members of the row's own group vote too.

    Returns:
        Shares float32 [n, C], rows sum to 1 or are 0 where there is no voter; voters float32 [n].

    """
    shares, voters = np.zeros((graph.n, n_classes), np.float32), np.zeros(graph.n, np.float32)
    for low in range(0, graph.n, _BLOCK_ROWS):
        part = slice(low, low + _BLOCK_ROWS)
        near = graph.neighbors[part]
        voting = labels[near] >= 0
        if not own_group:
            voting &= groups[near] != groups[part, None]
        weight = places(groups[near], voting, k)
        weights = weight * np.exp((graph.similarities[part] - 1) / temperature, dtype=np.float64)
        if trust is not None:
            weights *= trust[near]
        shares[part] = _normalized(tally(weights, labels[near], n_classes))
        voters[part] = weight.sum(axis=1)
    return shares, voters


def copy_groups(graph: KnnGraph) -> Ids:
    """A group number for each row, int64 [n]: rows linked by similarity above .9999 share one."""
    return linked_groups(graph, COPY_SIMILARITY)


def linked_groups(graph: KnnGraph, similarity: float) -> Ids:
    """A group number for each row, int64 [n]: rows linked by more than this similarity share one."""
    rows, columns = np.nonzero(graph.similarities > similarity)
    return joined(graph.n, rows, graph.neighbors[rows, columns])


def joined(n: int, one: npt.NDArray[np.integer[Any]], two: npt.NDArray[np.integer[Any]]) -> Ids:
    """A group number for each of n rows, int64 [n]: rows joined by pairs (one, two) share one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(one):
        return np.arange(n)
    matrix = coo_array((np.ones(len(one), np.int8), (one, two)), shape=(n, n)).tocsr()
    return np.asarray(connected_components(matrix, directed=False)[1], np.int64)


def tally(weights: Reals, labels: Ids, n_classes: int) -> Reals:
    """Sum of weights [b, k] by label [b, k] in each row, float64 [b, C]; label -1 is left out."""
    places = np.arange(len(labels))[:, None] * n_classes + labels
    real = labels >= 0
    sums = np.bincount(places[real], weights[real], minlength=len(labels) * n_classes)
    return np.asarray(sums, np.float64).reshape(len(labels), n_classes)


def places(groups: Ids, voting: npt.NDArray[np.bool_], k: int) -> Reals:
    """The share of one voter's weight that each neighbour has, float64 [b, k].

    1 / (members of its group in this row) for voting neighbours of the first k groups, else 0.
    """
    keys = np.where(voting, groups, -1)
    order = np.argsort(keys, axis=1, kind="stable")  # stable: of a group, the nearest comes first
    ordered = np.take_along_axis(keys, order, axis=1)
    starts = np.ones(keys.shape, bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    run = np.cumsum(starts.ravel()) - 1  # a row's first place starts a run, so no run crosses rows
    first, shares = np.empty(keys.shape, bool), np.empty(keys.shape)
    np.put_along_axis(first, order, starts, axis=1)
    np.put_along_axis(shares, order, 1.0 / np.bincount(run)[run].reshape(keys.shape), axis=1)
    shares[~voting | (np.cumsum(first & voting, axis=1) > k)] = 0
    return shares


def _normalized(sums: Reals) -> Reals:
    total = sums.sum(axis=1, keepdims=True)
    shares: Reals = np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)
    return shares
