"""What every doubt signal is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from curator._arrays import Floats, Ids
from curator_indexes import KnnGraph

_ROUNDING = 1e-3  # how far the probabilities of a row may be from a sum of 1


@dataclass(frozen=True, eq=False)
class Evidence:
    """The labels under audit and what there is to judge them by.

    A signal learns from `teachers`, never from `labels`. Of an image it may know neither its own label nor
    those of its group, but for their part in `prior`, which it may use.

    Signals are joined by the mean of their log probabilities, and one temperature is fitted to that mean. So
    how sharp a signal is makes no audit surer: it is the signal's weight. One that is twice as sharp as
    another (each log probability twice as large) has twice its say.

    Attributes:
        graph: the kNN graph of all n images, with neighbours from outside of each image's own group.
        labels: int64 [n], -1 where unlabelled; classes without a label are left out, so 0 to C - 1 all occur.
        n_classes: C, at least 1.
        groups: a group number for each row, int64 [n]: near duplicates of one image share it.
        vectors: the embeddings as unit rows, float32 [n, d], a zero row staying zero; or None.
        seed: of every random choice.
        teachers: the labels that may speak for others, int64 [n]: `labels`, or -1 where they are in doubt.
            Every class has one, if only the image that is asked about.

    """

    graph: KnnGraph
    labels: Ids
    n_classes: int
    groups: Ids
    vectors: Floats | None
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


def checked_opinion(name: str, opinion: Floats, evidence: Evidence) -> Floats:
    """What a signal gave back, if it is what `Signal` says.

    Raises:
        ValueError: another shape, or a row that is no distribution. The signal is to be mended, not the data.

    """
    wanted = evidence.graph.n, evidence.n_classes
    if opinion.shape != wanted:
        raise ValueError(
            f"the doubt signal {name!r} gave shape {opinion.shape}: wanted {wanted}, [n, classes]"
        )
    lowest, total = opinion.min(axis=1), opinion.sum(axis=1, dtype=np.float64)
    sound = (lowest >= 0) & (np.abs(total - 1) <= _ROUNDING)  # NaN is neither
    if not sound.all():
        row = int(sound.argmin())
        given = f"row {row} a sum of {total[row]:.4g} and a lowest value of {lowest[row]:.4g}"
        raise ValueError(f"the doubt signal {name!r} gave {given}: wanted probabilities, which sum to 1")
    return opinion
