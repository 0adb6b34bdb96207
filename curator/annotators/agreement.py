"""How far annotators agree with each other and with the consensus."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from curator._arrays import Ids, Reals, checked_labels
from curator.annotators.statements import checked_annotations


@dataclass(frozen=True, eq=False)
class Agreement:
    """How far annotators agree.

    Attributes:
        labels: how many images each annotator has labelled, int64 [annotators].
        with_consensus: the share of an annotator's labels that are the consensus, of images that somebody
            else has labelled too, float64 [annotators]; NaN where there is no such image.
        shared: how many images each pair has both labelled, int64 [annotators, annotators].
        kappa: Cohen's kappa of each pair, float64 [annotators, annotators]; NaN without a shared image, and
            where both gave one and the same label throughout.
        alpha: Krippendorff's alpha of all; NaN where no image has two labels or only one label ever occurs.
        confusions: how often each annotator gave label l where the consensus is c, int64 [annotators, C, C],
            row c.

    """

    labels: Ids
    with_consensus: Reals
    shared: Ids
    kappa: Reals
    alpha: float
    confusions: Ids


def agreement(annotations: npt.ArrayLike, labels: npt.ArrayLike) -> Agreement:
    """Compare annotators with each other and with the consensus.

    Args:
        annotations: int [n, annotators], -1 where an annotator said nothing of an image.
        labels: the consensus, int [n], -1 where there is none.

    Raises:
        CuratorError: arrays that are not such, or of different lengths.

    """
    given = checked_annotations(annotations)
    agreed, classes = checked_labels(labels, len(given))
    n_classes = max(classes, int(given.max(initial=-1)) + 1)
    said, n_annotators = given >= 0, given.shape[1]
    comparable = said & (said.sum(axis=1) > 1)[:, None] & (agreed >= 0)[:, None]
    same = (comparable & (given == agreed[:, None])).sum(axis=0)
    total = comparable.sum(axis=0)
    shared = said.astype(np.int64).T @ said.astype(np.int64)
    kappa = np.eye(n_annotators)
    for one, other in combinations(range(n_annotators), 2):
        both = said[:, one] & said[:, other]
        kappa[one, other] = kappa[other, one] = _kappa(given[both, one], given[both, other], n_classes)
    confusions = np.zeros((n_annotators, n_classes, n_classes), np.int64)
    rows, annotators = np.nonzero(said & (agreed >= 0)[:, None])
    np.add.at(confusions, (annotators, agreed[rows], given[rows, annotators]), 1)
    return Agreement(
        labels=said.sum(axis=0),
        with_consensus=np.divide(same, total, out=np.full(n_annotators, np.nan), where=total > 0),
        shared=shared,
        kappa=kappa,
        alpha=_alpha(given, n_classes),
        confusions=confusions,
    )


def _kappa(one: Ids, other: Ids, n_classes: int) -> float:
    """Cohen 1960: agreement beyond what the two annotators' class shares alone would bring."""
    if not len(one):
        return float("nan")
    shares = (np.bincount(labels, minlength=n_classes) / len(labels) for labels in (one, other))
    chance = float(np.prod(list(shares), axis=0).sum())
    return float((np.mean(one == other) - chance) / (1 - chance)) if chance < 1 else float("nan")


def _alpha(annotations: Ids, n_classes: int) -> float:
    """Krippendorff's alpha for nominal labels: 1 - observed disagreement / disagreement by chance.

    Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C.
    """
    said = annotations >= 0
    counts = np.zeros((len(annotations), n_classes))
    rows, annotators = np.nonzero(said)
    np.add.at(counts, (rows, annotations[rows, annotators]), 1)
    counts = counts[counts.sum(axis=1) > 1]
    labels = counts.sum(axis=1)
    pairs = (labels**2 - (counts**2).sum(axis=1)) / np.maximum(labels - 1, 1)  # that differ, in each image
    total, of_class = labels.sum(), counts.sum(axis=0)
    by_chance = total**2 - (of_class**2).sum()
    return float(1 - (total - 1) * pairs.sum() / by_chance) if by_chance > 0 else float("nan")
