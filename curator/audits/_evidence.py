"""What every doubt signal is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from curator._inputs import Floats, Ids
from curator_indexes import KnnGraph


@dataclass(frozen=True, eq=False)
class Evidence:
    """The labels under audit and what there is to judge them by.

    Attributes:
        graph: the kNN graph of all n images, with neighbours from outside of each image's own group.
        labels: int64 [n], -1 where unlabelled; classes without a label are left out, so 0 to C - 1 all occur.
        n_classes: C, at least 1.
        groups: a group number for each row, int64 [n]: near duplicates of one image share it.
        embeddings: as the user gave them, float [n, d], or None.
        seed: of every random choice.
        teachers: the labels that may speak for others, int64 [n]: `labels`, or -1 where they are in doubt.

    """

    graph: KnnGraph
    labels: Ids
    n_classes: int
    groups: Ids
    embeddings: npt.NDArray[Any] | None
    seed: int
    teachers: Ids

    @property
    def labelled(self) -> Ids:
        """Ids of the labelled images, ascending."""
        return np.flatnonzero(self.labels >= 0)

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """1 / its group's members with a teaching label for each of them, else 0, [n]."""
        known = self.teachers >= 0
        members = np.bincount(self.groups[known], minlength=int(self.groups.max(initial=0)) + 1)
        shares: npt.NDArray[np.float64] = known / np.maximum(members[self.groups], 1)
        return shares

    @property
    def prior(self) -> npt.NDArray[np.float64]:
        """Each class's share of the teaching labels, near duplicates counted once, [C]."""
        rows = np.flatnonzero(self.teachers >= 0)
        counts = np.bincount(self.teachers[rows], self.weights[rows], minlength=self.n_classes)
        shares: npt.NDArray[np.float64] = counts / counts.sum()
        return shares


Signal: TypeAlias = Callable[[Evidence], Floats | None]
"""How probable each class is as the *given* label of each image, judged without the image's own label:
float32 [n, C], rows sum to 1, none 0; or None where the evidence does not allow a judgement."""
