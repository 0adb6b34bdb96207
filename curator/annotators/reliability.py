"""How each annotator errs, and what an image then most probably is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from curator._arrays import Reals, softmax
from curator.annotators.statements import Statements

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_STEPS = 100
_SETTLED = 1e-4  # largest change of a probability in a step that still counts as one
_SHRINKAGE = 4.0  # an annotator's row of errors starts as if so many labels had been seen, spread evenly
_POOLED = 10.0  # and the annotator's accuracy as if so many labels were as accurate as those of all


@dataclass(frozen=True, eq=False)
class Reliability:
    """What Dawid and Skene's model says of images and annotators.

    Attributes:
        probabilities: P(true class | what was said), float64 [n, C].
        confusion: P(said | true) of each annotator, float64 [annotators, C, C], row the true class.
        quality: how probably a label of each annotator is right, float64 [annotators]; NaN without a label.

    """

    probabilities: Reals
    confusion: Reals
    quality: Reals


def fit_reliability(
    said: Statements,
    *,
    prior: npt.NDArray[np.float64] | None = None,
    n_annotators: int | None = None,
    shrinkage: float = _SHRINKAGE,
) -> Reliability:
    """Fit confusion matrices and true classes to each other by EM.

    Dawid and Skene, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm" (Applied
    Statistics 1979), begun at the shares of the votes. An annotator with few labels of a class is taken to
    err there as elsewhere, and one with few labels at all to be as good as all.

    Args:
        said: the statements.
        prior: what is known of each image's class besides them, float [n, C], rows sum to 1; None for the
            shares of the classes, which are then fitted too.
        n_annotators: how many there are; None for as many as said something.
        shrinkage: how many labels of a class that assumption counts for; 0 for the model as published.

    """
    n_classes = said.n_classes if prior is None else prior.shape[1]
    shape = (said.n_annotators if n_annotators is None else n_annotators, n_classes, n_classes)
    marks = _marks(said, shape[0], n_classes)
    heard = np.isin(np.arange(said.n), said.rows)
    true = _begun(said, np.full((said.n, n_classes), 1 / n_classes) if prior is None else prior)
    for _ in range(_STEPS):
        joint = np.asarray(marks @ true).reshape(shape).transpose(0, 2, 1)  # [annotators, true, said]
        confusion = _confusion(joint, shrinkage)
        known = true[heard | ~heard.any()].mean(axis=0) if prior is None else prior
        spoken = np.log(np.maximum(confusion, 1e-12)).transpose(0, 2, 1).reshape(-1, n_classes)
        logits: Reals = np.log(np.maximum(known, 1e-12)) + marks.T @ spoken  # [n, C]
        before = true
        true = softmax(logits)
        if np.abs(true - before).max(initial=0) < _SETTLED:
            break
    right, total = np.einsum("acc->a", joint), joint.sum(axis=(1, 2))
    quality = np.divide(right, total, out=np.full(len(total), np.nan), where=total > 0)
    return Reliability(true, confusion, quality)


def _begun(said: Statements, known: Reals) -> Reals:
    """The shares of the votes, weighed by what is known; just that where nobody voted, [n, C]."""
    votes = np.zeros(known.shape)
    np.add.at(votes, (said.rows, said.labels), 1)
    voted = votes.any(axis=1, keepdims=True)
    weights: Reals = np.where(voted, votes * (known + 1e-9), known)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _marks(said: Statements, n_annotators: int, n_classes: int) -> csr_array[np.float64, tuple[int, int]]:
    """1 where an annotator gave an image a class, sparse [annotators * C, n]."""
    from scipy.sparse import csr_array

    cells = said.annotators * n_classes + said.labels
    shape = (n_annotators * n_classes, said.n)
    return csr_array((np.ones(len(cells)), (cells, said.rows)), shape=shape)


def _confusion(joint: Reals, shrinkage: float) -> Reals:
    """P(said | true) from expected counts [annotators, true, said], shrunk to evenly spread errors."""
    n_classes = joint.shape[1]
    right, total = np.einsum("acc->a", joint), joint.sum(axis=(1, 2))
    pooled = right.sum() / max(total.sum(), 1e-12)
    accuracy = (right + _POOLED * pooled) / (total + _POOLED)
    wrong = (1 - accuracy) / max(n_classes - 1, 1)
    start = wrong[:, None, None] + (accuracy - wrong)[:, None, None] * np.eye(n_classes)
    counts = joint + shrinkage * start
    sums = counts.sum(axis=2, keepdims=True)
    even: Reals = np.full_like(counts, 1 / n_classes)
    return np.asarray(np.divide(counts, sums, out=even, where=sums > 0))
