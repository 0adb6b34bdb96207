"""Labelling replayed with labels that are known: which query strategy would have served best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curator._arrays import GraphLike, Ids, Reals, checked_graph, checked_labels
from curator.errors import CuratorError
from curator.neighbors.near_duplicates import near_duplicate_groups
from curator.propagation import propagate
from curator.propagation.held_out import hide
from curator.queries import STRATEGIES, check_strategy, query
from curator_indexes import KnnGraph

__all__ = ["Simulation", "default_budgets", "replay", "simulate"]

_FIRST = "herding"  # chooses the first labels for strategies that cannot begin without any
_STEPS = (1, 2, 5)


@dataclass(frozen=True, eq=False)
class Simulation:
    """What was measured.

    Attributes:
        strategies: names, in the order of the first axis.
        budgets: numbers of labels, in the order of the second axis.
        accuracy: of propagation on labels that were held out, float64 [strategies, budgets, seeds].
        held_out: how many labels that is on, per seed.

    """

    strategies: tuple[str, ...]
    budgets: tuple[int, ...]
    accuracy: Reals
    held_out: int

    @property
    def mean(self) -> Reals:
        """Mean accuracy over the seeds, [strategies, budgets]."""
        return np.asarray(self.accuracy.mean(axis=2))

    @property
    def standard_error(self) -> Reals:
        """Of that mean, [strategies, budgets]; NaN with a single seed."""
        seeds = self.accuracy.shape[2]
        if seeds < 2:
            return np.full(self.accuracy.shape[:2], np.nan)
        return np.asarray(self.accuracy.std(axis=2, ddof=1) / np.sqrt(seeds))


def simulate(
    graph: GraphLike,
    labels: npt.ArrayLike,
    *,
    strategies: Sequence[str] = ("auto", "random"),
    budgets: Sequence[int] | None = None,
    seeds: int = 3,
    holdout: float = 0.2,
    embeddings: npt.NDArray[Any] | None = None,
    told: Callable[[int, int], None] | None = None,
) -> Simulation:
    """Label anew with each strategy, from nothing, and measure on labels that are held out.

    Each seed holds out other labels, a share of every class, near duplicates never parted from one another;
    within a seed all strategies see the same. Standard errors are those over seeds.

    Args:
        graph: a kNN graph of all images, labelled or not.
        labels: int [n], -1 where unlabelled: only labelled images are asked for or tested.
        strategies: names as for `curator.query`.
        budgets: numbers of labels to measure at; None for 10, 20, 50, 100 and so on, as far as labels go.
        seeds: how often.
        holdout: the share of the labels to test on, between 0 and 1.
        embeddings: float [n, d], for queries and propagation.
        told: called after each round with how many are done and how many there are.

    Raises:
        CuratorError: input that cannot be used, an unknown strategy or one that needs the embeddings, too
            few labels, a budget beyond what is not held out.

    """
    checked = checked_graph(graph)
    given, classes = checked_labels(labels, checked.n)
    _check(given, seeds, holdout)
    for strategy in strategies:
        check_strategy(strategy, embeddings=embeddings is not None, labels=True)
    groups = near_duplicate_groups(checked)
    parts = [hide(given, groups, holdout, seed) for seed in range(seeds)]
    most = min(len(pool) for pool, _ in parts)
    wanted = (
        default_budgets(most, len(np.unique(given[given >= 0]))) if budgets is None else sorted(set(budgets))
    )
    if not wanted or wanted[0] < 1 or wanted[-1] > most:
        raise CuratorError(f"budgets are {wanted}: wanted 1 to {most:,} labels, the rest is held out")
    accuracy = np.empty((len(strategies), len(wanted), seeds))
    done, total = 0, accuracy.size
    for seed, (pool, tested) in enumerate(parts):
        for row, strategy in enumerate(strategies):
            rounds = replay(
                checked,
                given,
                pool,
                wanted,
                strategy=strategy,
                embeddings=embeddings,
                n_classes=classes,
                seed=seed,
            )
            for column, order in enumerate(rounds):
                known = revealed(given, order)
                soft = propagate(checked, known, embeddings=embeddings, n_classes=classes)
                accuracy[row, column, seed] = (soft.predictions[tested] == given[tested]).mean()
                done += 1
                if told is not None:
                    told(done, total)
    return Simulation(tuple(strategies), tuple(wanted), accuracy, min(len(tested) for _, tested in parts))


def replay(
    graph: KnnGraph,
    truth: Ids,
    pool: Ids,
    budgets: Sequence[int],
    *,
    strategy: str,
    embeddings: npt.NDArray[Any] | None,
    n_classes: int,
    seed: int,
) -> Iterator[Ids]:
    """Label from nothing in rounds, each with the answers of those before.

    Args:
        graph: of all n images.
        truth: the answers, int64 [n].
        pool: rows that may be asked for, all with an answer.
        budgets: how many labels there are after each round, rising.
        strategy: as for `curator.query`; one that needs labels gets its first ones by herding.
        embeddings: float [n, d] or None.
        n_classes: how many classes.
        seed: of every random choice.

    Yields:
        After each round the rows asked for so far, in order, int64 [budget].

    """
    order = np.empty(0, np.int64)
    for budget in budgets:
        cold = not len(order) and strategy in STRATEGIES and STRATEGIES[strategy].needs_labels
        ranking = query(
            graph,
            revealed(truth, order),
            budget - len(order),
            strategy=_FIRST if cold else strategy,
            embeddings=embeddings,
            n_classes=n_classes,
            seed=seed,
            candidates=pool,
        )
        order = np.concatenate([order, ranking.ids])
        yield order


def revealed(truth: Ids, rows: Ids) -> Ids:
    """The labels of these rows, -1 elsewhere, int64 [n]."""
    labels = np.full(len(truth), -1)
    labels[rows] = truth[rows]
    return labels


def default_budgets(most: int, n_classes: int) -> list[int]:
    """10, 20, 50, 100, ... from one label a class on, up to so many."""
    steps = [step * 10**power for power in range(1, 8) for step in _STEPS]
    fitting = [step for step in steps if n_classes <= step <= most]
    return fitting or [most]


def _check(labels: Ids, seeds: int, holdout: float) -> None:
    if seeds < 1 or not 0 < holdout < 1:
        raise CuratorError(
            f"seeds is {seeds} and holdout {holdout}: wanted 1 or more, and a share inside (0, 1)"
        )
    known = labels[labels >= 0]
    if len(known) < 20 or len(np.unique(known)) < 2:
        raise CuratorError(
            f"{len(known)} labels of {len(np.unique(known))} classes are too few to replay: "
            "wanted at least 20, of two classes or more"
        )
