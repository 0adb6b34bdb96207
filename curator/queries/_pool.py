"""What every query strategy is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from curator._arrays import Floats, Ids, checked_embeddings
from curator.propagation import Calibration, SoftLabels, propagate
from curator_indexes import KnnGraph


@dataclass(frozen=True, eq=False)
class Pool:
    """The images to choose from and what is known of them.

    Attributes:
        graph: the kNN graph of all n images.
        labels: int64 [n], -1 where unlabelled.
        candidates: ids of the unlabelled images that may be chosen, int64 [m], ascending, m >= 1.
        n_classes: how many classes; 0 before the first label, unless the user said.
        embeddings: as the user gave them, float [n, d], or None; strategies read `vectors`.
        rng: for every random choice.
        propagated: soft labels of these very labels, where the caller has them.

    """

    graph: KnnGraph
    labels: Ids
    candidates: Ids
    n_classes: int
    embeddings: npt.NDArray[Any] | None
    rng: np.random.Generator
    propagated: SoftLabels | None = None

    @property
    def labelled(self) -> Ids:
        """Ids of the labelled images, ascending."""
        return np.flatnonzero(self.labels >= 0)

    @cached_property
    def everyones(self) -> Floats:
        """Class probabilities of all images, float32 [n, n_classes]; needs a label.

        They order, but are not calibrated.
        """
        soft = self.propagated or propagate(
            self.graph, self.labels, n_classes=self.n_classes, calibration=Calibration()
        )
        return soft.probabilities[:, : self.n_classes]  # the caller's may leave room for further classes

    @cached_property
    def probabilities(self) -> Floats:
        """Class probabilities of the candidates, float32 [m, n_classes]; needs a label."""
        return self.everyones[self.candidates]

    @cached_property
    def vectors(self) -> Floats:
        """The embeddings as unit rows, float32 [n, d]; a zero row stays zero. Needs embeddings."""
        if self.embeddings is None:
            raise TypeError("this strategy reads embeddings: declare it with needs_embeddings=True")
        return checked_embeddings(self.embeddings, self.graph.n)

    def after(self, ids: Ids) -> Pool:
        """The pool once these have a label, whichever: for strategies that do not look at classes."""
        labels = self.labels.copy()
        labels[ids] = 0
        left = np.setdiff1d(self.candidates, ids)
        return replace(self, labels=labels, candidates=left, propagated=None)


@dataclass(frozen=True, eq=False)
class Picks:
    """What a strategy chose: ids int64 [b] best first, scores float64 [b] not rising, reasons [b].

    A reason is a sentence in which {class_3} stands for the name of class 3: fill it in with
    `reason.format_map(names)`.
    """

    ids: Ids
    scores: npt.NDArray[np.float64]
    reasons: list[str]


@dataclass(frozen=True)
class Strategy:
    """A way to choose, and what it needs.

    Attributes:
        choose: (pool, budget <= len(pool.candidates)) -> exactly `budget` picks.
        needs_labels: whether it reads probabilities; without any label, `query` then refuses on its behalf.
        needs_embeddings: whether it reads `pool.vectors`; the same.

    """

    choose: Callable[[Pool, int], Picks]
    needs_labels: bool = False
    needs_embeddings: bool = False


def highest(scores: npt.NDArray[np.floating], budget: int) -> npt.NDArray[np.intp]:
    """Places of the highest scores [m], ties by the lower place, int [budget]."""
    return np.argsort(-scores, kind="stable")[:budget]


def two_likeliest(probabilities: Floats) -> npt.NDArray[np.intp]:
    """The two most probable classes of each row, [b, 2]; one class twice where there is no other."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    return order if order.shape[1] == 2 else np.repeat(order, 2, axis=1)


def between(probabilities: Floats) -> list[str]:
    """For each row which classes it is torn between, in words."""
    return [
        f"between {{class_{first}}} and {{class_{second}}}"
        if first != second and row[second] > 0
        else f"probably {{class_{first}}}"
        for row, (first, second) in zip(probabilities, two_likeliest(probabilities), strict=True)
    ]
