"""Is the new better than the old by more than chance? Held-out labels decide, each judged by both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

LEVEL = 0.05  # one-sided: in one of twenty fine-tunes that change nothing, luck is taken for progress

Ids = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Verdict:
    """Accuracies on `count` held-out labels before and after, and the chance of such a lead by luck.

    `gained` labels only the new embeddings get right, `lost` ones only the old.
    """

    count: int
    before: float
    after: float
    gained: int
    lost: int
    p_value: float

    @property
    def better(self) -> bool:
        """Whether the lead is more than noise."""
        return self.p_value < LEVEL


def compare(before: Bools, after: Bools) -> Verdict:
    """McNemar's exact test on the same labels; bool [m] each, whether they were got right.

    Labels that both get right or both wrong say nothing; of the others, an idle change gains half.
    """
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    p_value = float(binom.sf(gained - 1, gained + lost, 0.5)) if gained + lost else 1.0
    return Verdict(len(before), float(before.mean()), float(after.mean()), gained, lost, p_value)


def folds(labels: Ids, groups: Ids, count: int, seed: int) -> list[Ids]:
    """Rows of the labels to hold out, `count` lists: every class in each, near duplicates together.

    `groups` int [n]: images that are nearly the same share a number. A class with a single group is held
    out as well: neither the old nor the new embeddings can get it right.
    """
    labelled = np.flatnonzero(labels >= 0)
    names, first = np.unique(groups[labelled], return_index=True)
    shuffled = np.random.default_rng(seed).permutation(len(names))
    by_class = shuffled[np.argsort(labels[labelled[first[shuffled]]], kind="stable")]
    fold_of = dict(zip(names[by_class].tolist(), (np.arange(len(names)) % count).tolist(), strict=True))
    fold = np.array([fold_of[group] for group in groups[labelled].tolist()], np.int64)
    return [labelled[fold == number] for number in range(min(count, len(names)))]


def fit_temperature(scores: NDArray[np.float32], labels: Ids) -> float:
    """The factor [1/16, 16] by which held-out class scores [m, C] are to be divided to be honest.

    Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017), section 4.2, on a grid.
    """

    def surprise(factor: float) -> float:
        scaled = scores.astype(np.float64) / factor
        scaled -= scaled.max(axis=1, keepdims=True)
        right = scaled[np.arange(len(labels)), labels]
        return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - right))

    return float(min(np.geomspace(1 / 16, 16, 65), key=surprise))
