"""Why a label is doubted: the neighbours, their labels, their votes, and whether that depends on k."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curator._arrays import GraphLike, Ids, Reals, checked_graph, checked_labels
from curator.errors import CuratorError
from curator.neighbors.near_duplicates import near_duplicate_groups

__all__ = ["KS", "Explanation", "explain"]

KS = (5, 10, 20, 50)  # numbers of neighbours over which a doubt is watched


@dataclass(frozen=True, eq=False)
class Explanation:
    """What speaks for and against one label.

    Attributes:
        row: the image.
        neighbors: its nearest labelled images, near duplicates left out, int64 [m], m at most 20.
        labels: their labels, int64 [m].
        similarities: how similar they are, float32 [m].
        votes: how many of them have each label, int64 [C].
        majorities: the most frequent label among the k nearest, by k, as far as there are so many.
        stability: the share of those k at which the majority is not the given label; NaN without neighbours.

    """

    row: int
    neighbors: Ids
    labels: Ids
    similarities: npt.NDArray[np.float32]
    votes: Ids
    majorities: dict[int, int]
    stability: float


def explain(
    graph: GraphLike, labels: npt.ArrayLike, rows: Sequence[int] | Ids, *, groups: Ids | None = None
) -> list[Explanation]:
    """Say for each of these rows what its neighbours say of its label.

    Args:
        graph: a kNN graph.
        labels: int [n], -1 where unlabelled.
        rows: the images asked about.
        groups: `AuditReport.groups`, int64 [n]; None to find near duplicates anew.

    Raises:
        CuratorError: a graph or labels that cannot be used, or a row that is not in the graph.

    """
    whole = checked_graph(graph)
    given, n_classes = checked_labels(labels, whole.n)
    group = near_duplicate_groups(whole) if groups is None else groups
    found = []
    for row in map(int, rows):
        if not 0 <= row < whole.n:
            raise CuratorError(f"there is no row {row}: the graph has rows 0 to {whole.n - 1}")
        near = whole.neighbors[row].astype(np.int64)
        voting = (given[near] >= 0) & (group[near] != group[row])
        near, similarities = near[voting], whole.similarities[row][voting]
        votes = np.bincount(given[near[:20]], minlength=n_classes)
        majorities = {k: _majority(given[near[:k]], similarities[:k]) for k in KS if k <= len(near)}
        doubting = [majority != given[row] for majority in majorities.values()]
        stability = float(np.mean(doubting)) if doubting else float("nan")
        found.append(
            Explanation(row, near[:20], given[near[:20]], similarities[:20], votes, majorities, stability)
        )
    return found


def _majority(labels: Ids, similarities: npt.NDArray[np.float32]) -> int:
    """The most frequent label, of equally frequent ones that of the more similar neighbours."""
    weights: Reals = 1 + 1e-3 * similarities.astype(np.float64)
    return int(np.bincount(labels, weights).argmax())
