"""Which images to label next: query strategies, each in a file of its own, found through one table."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt

from curator._arrays import GraphLike, Ids, checked_graph, checked_labels
from curator.errors import CuratorError
from curator.propagation import SoftLabels
from curator.queries._learning_curve import ExpectedGain, expected_gain, usable
from curator.queries._pool import Picks, Pool, Strategy
from curator.queries.badge import badge
from curator.queries.coreset import coreset
from curator.queries.coverage import coverage
from curator.queries.entropy import entropy
from curator.queries.facility_location import facility_location
from curator.queries.herding import herding
from curator.queries.least_confidence import least_confidence
from curator.queries.margin import margin
from curator.queries.random import random
from curator.queries.typicality import typicality
from curator.queries.uncertainty_herding import uncertainty_herding

__all__ = [
    "STRATEGIES",
    "ExpectedGain",
    "Picks",
    "Pool",
    "Ranking",
    "Strategy",
    "check_strategy",
    "expected_gain",
    "query",
    "usable",
]

STRATEGIES: dict[str, Strategy] = {
    "badge": Strategy(badge, needs_labels=True, needs_embeddings=True),
    "coreset": Strategy(coreset, needs_embeddings=True),
    "coverage": Strategy(coverage),
    "entropy": Strategy(entropy, needs_labels=True),
    "facility_location": Strategy(facility_location),
    "herding": Strategy(herding),
    "least_confidence": Strategy(least_confidence, needs_labels=True),
    "margin": Strategy(margin, needs_labels=True),
    "random": Strategy(random),
    "typicality": Strategy(typicality, needs_embeddings=True),
    "uncertainty_herding": Strategy(uncertainty_herding, needs_labels=True),
}

_LABELS_PER_CLASS = 2  # until then, covering the data teaches more than asking about doubts


@dataclass(frozen=True, eq=False)
class Ranking:
    """Images to label next.

    Attributes:
        ids: rows, int64 [b], best first, none labelled, none twice.
        scores: why they are in this order, float64 [b], not rising; what a score is depends on the strategy.
        strategy: the strategy that chose; for "auto" the one it settled on.
        reasons: a sentence for each, [b], in which {class_3} stands for the name of class 3.

    """

    ids: Ids
    scores: npt.NDArray[np.float64]
    strategy: str
    reasons: list[str]


def query(
    graph: GraphLike,
    labels: npt.ArrayLike,
    budget: int,
    *,
    strategy: str = "auto",
    embeddings: npt.NDArray[Any] | None = None,
    n_classes: int | None = None,
    seed: int = 0,
    candidates: npt.ArrayLike | None = None,
    soft: SoftLabels | None = None,
) -> Ranking:
    """Choose the unlabelled images most worth labelling.

    "auto" covers the data first ("typicality", or "coverage" without embeddings), and from 2 labels a class
    on covers what is in doubt ("uncertainty_herding").

    Args:
        graph: a kNN graph.
        labels: int [n], -1 where unlabelled; there need not be any label yet.
        budget: how many; where fewer are left, all of them are returned.
        strategy: "auto" or a name in `STRATEGIES`.
        embeddings: float [n, d]; some strategies need them, see `STRATEGIES`.
        n_classes: how many classes, where more are known than have labels.
        seed: of every random choice; the same seed gives the same ids.
        candidates: choose only from these rows, int [m].
        soft: these very labels propagated already, such as `SoftLabels` kept up to date; None to propagate
            anew.

    Raises:
        CuratorError: input that cannot be used, an unknown strategy, no image left to choose, or a strategy
            that lacks what it needs.

    """
    checked = checked_graph(graph)
    given, classes = checked_labels(labels, checked.n, n_classes)
    _check_budget(budget)
    check_strategy(strategy, embeddings=embeddings is not None, labels=bool((given >= 0).any()))
    _check_soft(soft, given, classes)
    open_ids = _open_candidates(given, candidates)
    pool = Pool(checked, given, open_ids, classes, embeddings, np.random.default_rng(seed), soft)
    name = _choose(pool) if strategy == "auto" else strategy
    picks = STRATEGIES[name].choose(pool, min(int(budget), len(open_ids)))
    return Ranking(picks.ids, picks.scores, name, picks.reasons)


def _choose(pool: Pool) -> str:
    seen = len(np.unique(pool.labels[pool.labelled]))
    enough = seen > 1 and len(pool.labelled) >= _LABELS_PER_CLASS * pool.n_classes
    if enough:
        return "uncertainty_herding"
    return "coverage" if pool.embeddings is None else "typicality"


def _check_budget(budget: int) -> None:
    if isinstance(budget, bool) or not isinstance(budget, int | np.integer) or budget < 1:
        raise CuratorError(f"budget is {budget!r}: wanted a whole number of at least 1")


def check_strategy(name: str, *, embeddings: bool, labels: bool) -> None:
    """Raise `CuratorError` for a strategy that does not exist, or that lacks embeddings or labels."""
    if name == "auto":
        return
    if name not in STRATEGIES:
        known = ["auto", *STRATEGIES]
        near = get_close_matches(name, known, n=1)
        meant = f"did you mean {near[0]}? There are" if near else "wanted one of"
        raise CuratorError(f"there is no strategy {name!r}: {meant} {', '.join(known)}")
    if STRATEGIES[name].needs_labels and not labels:
        raise CuratorError(
            f"the strategy {name!r} needs a few labels: "
            "start with 'auto', 'herding' or 'typicality', which need none"
        )
    if STRATEGIES[name].needs_embeddings and not embeddings:
        raise CuratorError(
            f"the strategy {name!r} compares embeddings: pass embeddings=..., or use 'herding', "
            "which needs the graph only"
        )


def _check_soft(soft: SoftLabels | None, labels: Ids, n_classes: int) -> None:
    if soft is None:
        return
    if soft.n_classes < n_classes or not np.array_equal(soft.labels, labels):
        raise CuratorError("soft was made from other labels than these: bring it up to date with soft.update")


def _open_candidates(labels: Ids, candidates: npt.ArrayLike | None) -> Ids:
    wanted = np.arange(len(labels)) if candidates is None else np.unique(np.asarray(candidates))
    if wanted.size and not np.issubdtype(wanted.dtype, np.integer):
        raise CuratorError(f"candidates are {wanted.dtype}: wanted row ids, integers")
    if wanted.size and (wanted[0] < 0 or wanted[-1] >= len(labels)):
        raise CuratorError(f"candidates run from {wanted[0]} to {wanted[-1]}: wanted ids below {len(labels)}")
    wanted = wanted.astype(np.int64)
    unlabelled = wanted[labels[wanted] < 0]
    if not len(unlabelled):
        raise CuratorError("no image is left to choose: each one has a label already")
    return unlabelled
