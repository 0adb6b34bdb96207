"""What every query strategy is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from curator._inputs import Floats, Ids, checked_embeddings
from curator.errors import CuratorError
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
    def soft(self) -> SoftLabels:
        """The labels propagated, worked out on first use; their confidence orders, but is not calibrated."""
        if self.propagated is not None:
            return self.propagated
        return propagate(self.graph, self.labels, n_classes=self.n_classes, calibration=Calibration())

    def probabilities(self, strategy: str) -> Floats:
        """Class probabilities of the candidates, float32 [m, C].

        Raises:
            CuratorError: no label yet; the message names `strategy` and what works without labels.

        """
        if not len(self.labelled):
            raise CuratorError(
                f"the strategy {strategy!r} needs a few labels: "
                "start with 'auto', 'herding' or 'typicality', which need none"
            )
        return self.soft.probabilities[self.candidates]

    def vectors(self, strategy: str) -> Floats:
        """The embeddings as unit rows, float32 [n, d].

        Raises:
            CuratorError: they cannot be used, or there are none; the message says what works without.

        """
        if self.embeddings is None:
            raise CuratorError(
                f"the strategy {strategy!r} compares embeddings: pass embeddings=..., or use 'herding', "
                "which needs the graph only"
            )
        return checked_embeddings(self.embeddings, self.graph.n)


@dataclass(frozen=True, eq=False)
class Picks:
    """What a strategy chose: ids int64 [b] best first, scores float64 [b] not rising, reasons [b].

    A reason is a sentence in which {class_3} stands for the name of class 3: fill it in with
    `reason.format_map(names)`.
    """

    ids: Ids
    scores: npt.NDArray[np.float64]
    reasons: list[str]


Strategy: TypeAlias = Callable[[Pool, int], Picks]
"""(pool, budget <= len(pool.candidates)) -> exactly `budget` picks."""


def highest(pool: Pool, scores: npt.NDArray[np.floating], budget: int) -> npt.NDArray[np.intp]:
    """Places in `pool.candidates` of the highest scores [m], ties by lower id, int [budget]."""
    return np.argsort(-scores, kind="stable")[:budget]


def two_likeliest(probabilities: Floats) -> npt.NDArray[np.intp]:
    """The two most probable classes of each row, [b, 2]; one class twice where there is no other."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    return order if order.shape[1] == 2 else np.repeat(order, 2, axis=1)


def between(probabilities: Floats) -> list[str]:
    """For each row which classes it is torn between, in words."""
    return [
        f"between {{class_{first}}} and {{class_{second}}}"
        if first != second
        else f"probably {{class_{first}}}"
        for first, second in two_likeliest(probabilities)
    ]
