"""Propagation tried on labels at hand: part of them is hidden, the rest predicts them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from curator._arrays import GraphLike, Ids, Reals, checked_graph, checked_labels
from curator.errors import CuratorError
from curator.neighbors.near_duplicates import near_duplicate_groups
from curator.planning.splitting import split_groups
from curator.propagation import propagate
from curator.queries import usable

__all__ = ["held_out_confidence", "hide"]


def hide(labels: Ids, groups: Ids, holdout: float, seed: int) -> tuple[Ids, Ids]:
    """Labelled rows that stay known and those to hide, a share of every class; no group [n] is parted.

    Raises:
        CuratorError: nearly all labelled rows are in one group.

    """
    known = np.flatnonzero(labels >= 0)
    part = split_groups(groups[known], labels[known], (1 - holdout, holdout), seed=seed)
    if not (part == 1).any() or not (part == 0).any():
        raise CuratorError(
            "nearly all labelled images are duplicates of one another: nothing can be held out"
        )
    return known[part == 0], known[part == 1]


def held_out_confidence(
    graph: GraphLike,
    labels: npt.ArrayLike,
    *,
    embeddings: npt.NDArray[Any] | None = None,
    holdout: float = 0.2,
    seed: int = 0,
) -> tuple[Reals, npt.NDArray[np.bool_]]:
    """How sure propagation is of hidden labels, and where it is right. Near duplicates are hidden together.

    Args:
        graph: a kNN graph.
        labels: int [n], -1 where unlabelled; at least 50, of two classes.
        embeddings: float [n, d], as for `propagate`.
        holdout: the share of the labels to hide, inside (0, 1).
        seed: of the choice.

    Returns:
        Confidence float64 [m] and whether the prediction is the hidden label, bool [m].

    Raises:
        CuratorError: input that cannot be used, too few labels, or nearly all duplicates of one another.

    """
    checked = checked_graph(graph)
    given, classes = checked_labels(labels, checked.n)
    if not 0 < holdout < 1:
        raise CuratorError(f"holdout is {holdout}: wanted a share inside (0, 1)")
    if not len(usable(given)):
        raise CuratorError("too few labels to hide some: wanted at least 50, of two classes or more")
    _, hidden = hide(given, near_duplicate_groups(checked), holdout, seed)
    rest = given.copy()
    rest[hidden] = -1
    soft = propagate(checked, rest, embeddings=embeddings, n_classes=classes)
    return soft.confidence[hidden].astype(np.float64), soft.predictions[hidden] == given[hidden]
