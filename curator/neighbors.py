"""Class votes of nearest neighbours, and how often they are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from curator._inputs import Floats, GraphLike, Ids, checked_embeddings, checked_graph, checked_labels
from curator.errors import CuratorError
from curator_indexes import KnnGraph

__all__ = ["knn_accuracy", "leave_one_out_accuracy", "weighted_vote"]

TEMPERATURE = 0.1  # Wu et al., CVPR 2018, and the kNN probes of self-supervised learning since: 0.07 to 0.1
COPY_SIMILARITY = 0.9999  # above the rounding of float16 embeddings, below two different photographs
_BLOCK_ROWS = 1 << 13


def weighted_vote(
    graph: GraphLike,
    labels: npt.ArrayLike,
    n_classes: int | None = None,
    *,
    k: int = 20,
    temperature: float = TEMPERATURE,
    trust: npt.NDArray[np.floating[Any]] | None = None,
) -> Floats:
    """Each row's neighbours vote for their labels; a row's own label has no part in its own vote.

    The k nearest labelled neighbours vote, each with weight exp(similarity / temperature). Copies of one
    image (similarity above .9999) count as one voter: they share its weight and take one of the k places, so
    that a burst of copies cannot outvote everyone else.

    Args:
        graph: a kNN graph.
        labels: int [n], -1 where unlabelled.
        n_classes: how many classes; None for the largest label + 1.
        k: how many labelled neighbours vote, at most; those beyond the graph's own k are not known.
        temperature: of the weights, above 0.
        trust: a further weight of each row as a voter, [n], not negative.

    Returns:
        Shares of the vote, float32 [n, C]; rows sum to 1, or are 0 where no neighbour is labelled.

    Raises:
        CuratorError: a graph or labels that cannot be used, k below 1, temperature not above 0.

    """
    if k < 1 or not temperature > 0:
        raise CuratorError(f"k is {k!r} and temperature is {temperature!r}: wanted at least 1, and above 0")
    checked = checked_graph(graph)
    given, classes = checked_labels(labels, checked.n, n_classes)
    copies = copy_groups(checked)
    shares = np.zeros((checked.n, classes), np.float32)
    for low in range(0, checked.n, _BLOCK_ROWS):
        part = slice(low, low + _BLOCK_ROWS)
        near = checked.neighbors[part]
        weights = np.exp((checked.similarities[part] - 1) / np.float32(temperature)).astype(np.float64)
        weights *= _places(copies[near], given[near] >= 0, k)
        if trust is not None:
            weights *= trust[near]
        shares[part] = _normalized(_tally(weights, given[near], classes))
    return shares


def copy_groups(graph: KnnGraph) -> Ids:
    """A group number for each row, int64 [n]: rows linked by similarity above .9999 share one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows, columns = np.nonzero(graph.similarities > COPY_SIMILARITY)
    pairs = (np.ones(len(rows), np.int8), (rows, graph.neighbors[rows, columns]))
    matrix = coo_array(pairs, shape=(graph.n, graph.n)).tocsr()
    return np.asarray(connected_components(matrix, directed=False)[1], np.int64)


def _places(groups: Ids, labelled: npt.NDArray[np.bool_], k: int) -> npt.NDArray[np.float64]:
    """The share of a vote that each neighbour has, [b, k]: 1 / copies within the first k groups, else 0."""
    columns = np.arange(groups.shape[1])
    order = np.lexsort((np.broadcast_to(columns, groups.shape), np.where(labelled, groups, -1)), axis=1)
    ordered = np.take_along_axis(np.where(labelled, groups, -1), order, axis=1)
    starts = np.ones(groups.shape, bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.zeros(groups.shape, bool)
    np.put_along_axis(first, order, starts, axis=1)
    run = np.cumsum(starts.ravel()) - 1  # every row starts a run, so runs do not cross rows
    copies = np.bincount(run)[run].reshape(groups.shape)
    shares = np.empty(groups.shape)
    np.put_along_axis(shares, order, 1.0 / copies, axis=1)
    return shares * labelled * (np.cumsum(first & labelled, axis=1) <= k)


def _tally(weights: npt.NDArray[np.float64], labels: Ids, n_classes: int) -> npt.NDArray[np.float64]:
    """Sum of weights [b, k] by label [b, k] in each row, [b, C]; label -1 is left out."""
    places = np.arange(len(labels))[:, None] * n_classes + labels
    real = labels >= 0
    tally = np.bincount(places[real], weights[real], minlength=len(labels) * n_classes)
    return np.asarray(tally, np.float64).reshape(len(labels), n_classes)


def _normalized(tally: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    total = tally.sum(axis=1, keepdims=True)
    shares: npt.NDArray[np.float64] = np.divide(tally, total, out=np.zeros_like(tally), where=total > 0)
    return shares


def leave_one_out_accuracy(
    embeddings: npt.NDArray[Any], labels: npt.ArrayLike, *, k: int = 20, max_rows: int = 5000, seed: int = 0
) -> float:
    """How often the k nearest other labelled rows vote for a row's own label: what an encoder is worth here.

    Args:
        embeddings: float [n, d].
        labels: int [n], -1 where unlabelled.
        k: how many neighbours vote.
        max_rows: with more labelled rows, a sample of this many is used, both as voters and as questions.
        seed: of that sample.

    Returns:
        A share between 0 and 1.

    Raises:
        CuratorError: embeddings or labels that cannot be used, or fewer than two labelled rows.

    """
    given, classes = checked_labels(labels, len(embeddings))
    rows = np.flatnonzero(given >= 0)
    if len(rows) < 2:
        raise CuratorError(f"{len(rows)} labelled rows: accuracy among neighbours needs at least 2")
    if len(rows) > max_rows:
        rows = np.sort(np.random.default_rng(seed).choice(rows, max_rows, replace=False))
    unit = checked_embeddings(np.asarray(embeddings)[rows], len(rows))
    return _accuracy(unit, given[rows], unit, given[rows], classes, k, leave_self_out=True)


def knn_accuracy(
    train: npt.NDArray[Any],
    train_labels: npt.ArrayLike,
    test: npt.NDArray[Any],
    test_labels: npt.ArrayLike,
    *,
    k: int = 20,
) -> float:
    """How often the k nearest training rows vote for a test row's label, exact.

    Args:
        train: float [n, d].
        train_labels: int [n], none -1.
        test: float [m, d].
        test_labels: int [m].
        k: how many neighbours vote, weighted by exp(similarity / 0.1).

    Raises:
        CuratorError: embeddings or labels that cannot be used, or none at all.

    """
    given, classes = checked_labels(train_labels, len(train))
    wanted, _ = checked_labels(test_labels, len(test))
    if not (len(train) and len(test)):
        raise CuratorError(f"{len(train)} training and {len(test)} test rows: wanted at least one of each")
    base, questions = checked_embeddings(train, len(train)), checked_embeddings(test, len(test))
    return _accuracy(base, given, questions, wanted, classes, k, leave_self_out=False)


def _accuracy(
    base: Floats, labels: Ids, questions: Floats, wanted: Ids, classes: int, k: int, *, leave_self_out: bool
) -> float:
    right = 0
    k = min(k, len(base) - leave_self_out)
    for low in range(0, len(questions), 1000):
        rows = np.arange(low, min(low + 1000, len(questions)))
        similarities = questions[rows] @ base.T  # [b, n]
        if leave_self_out:
            similarities[np.arange(len(rows)), rows] = -np.inf
        near = np.argpartition(-similarities, k - 1, axis=1)[:, :k]
        weights = np.exp(np.take_along_axis(similarities, near, axis=1).astype(np.float64) / TEMPERATURE)
        right += int((_tally(weights, labels[near], classes).argmax(axis=1) == wanted[rows]).sum())
    return right / len(questions)
