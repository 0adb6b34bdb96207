"""Class votes of nearest neighbours, and how often they are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from curator._arrays import Floats, GraphLike, Ids, checked_embeddings, checked_graph, checked_labels
from curator.errors import CuratorError
from curator.neighbors.votes import copy_groups, tally, vote

__all__ = ["knn_accuracy", "leave_one_out_accuracy", "weighted_vote"]

TEMPERATURE = 0.1  # Wu et al., CVPR 2018, and the kNN probes of self-supervised learning since: 0.07 to 0.1


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
    groups = copy_groups(checked)
    return vote(checked, given, classes, groups=groups, k=k, temperature=temperature, trust=trust)[0]


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
        right += int((tally(weights, labels[near], classes).argmax(axis=1) == wanted[rows]).sum())
    return right / len(questions)
