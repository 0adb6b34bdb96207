"""From "which label would be given here" to "is the given label wrong": a model of how labels go wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from curator._arrays import Ids, Reals, softmax
from curator.audits._evidence import Evidence

_ANCHORS = 0.3  # share of a class's images, the surest, taken as truly of that class
_FEWEST_ANCHORS = 20
_PRIOR_ROWS = 4.0  # a row of the noise matrix starts as if so many labels had been seen, 95 % of them right
_PRIOR_RIGHT = 0.95
_DECONVOLUTION_STEPS = 50
# So many signals count as independent of each other at most. On CIFAR-10N, F1 is lower on one of the sets
# where two count as 1.5 or as 2.5, and where one counts as 2; three (class means the third) rank worse as 3.
_INDEPENDENT = 2
_EM_STEPS = 100
_TEMPERS = (0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 3.0)  # exponents tried in the second round
_SECOND_SHARPNESS = (
    1.5  # of the second round; chosen on CIFAR-10N between 1 and 2, the best for one signal, too
)
# Mean probability of the likeliest true class. Where it is low, the embeddings do not tell the classes apart,
# and disagreement on the surest images says nothing of the labels: measured from weak to strong embeddings.
_UNCLEAR, _CLEAR = 0.65, 0.8


@dataclass(frozen=True, eq=False)
class NoiseModel:
    """Which class each image truly is, and how true classes turn into given ones.

    Attributes:
        noise: P(given | true), float64 [C, C], rows sum to 1: row the true class, column the given one.
        true: P(true | image), judged without the image's own label, float64 [n, C].
        posterior: P(true | image, given label) of the labelled rows, float64 [m, C].
        least: probability of an error if doubt about an image says nothing about its label, float64 [m]; 0
            where the embeddings are too weak to say even that.
        most: labels that are not the class the image most probably is, bool [m].
        clearness: from 0, classes that run into each other in these embeddings, to 1.

    """

    noise: Reals
    true: Reals
    posterior: Reals
    least: Reals
    most: npt.NDArray[np.bool_]
    clearness: float


def fit_noise(given: Reals, evidence: Evidence, *, signals: int) -> NoiseModel:
    """Estimate the noise matrix and each image's true class.

    1. `given` is sharpened or softened until it predicts the labels best (temperature scaling).
    2. Of each class's surest images nearly all are truly of that class, so the labels on them show how the
       class is mislabelled: a first noise matrix (anchor points; Patrini et al., CVPR 2017, eq. 12). Inverted
       row by row (Richardson 1972; Lucy 1974), it turns "given" into "true" probabilities. People err on
       ambiguous images more than on sure ones, so errors counted from anchors alone are too few.
    3. Of two signals the square of that, made to sum to 1, is the embeddings' own view of the truth: if they
       are independent they multiply, and `given` is their geometric mean. The noise matrix that explains the
       labels best given that view is found by EM (Dawid and Skene 1979), and Bayes' rule gives the posterior.

    Args:
        given: log of the signals' geometric mean, any base level, float64 [n, C].
        evidence: the labels; a group of near duplicates is one witness.
        signals: how many there were.

    """
    rows, shares = evidence.labelled, evidence.weights[evidence.labelled]
    known = evidence.labels[rows]
    probable = _tempered(given, rows, known, shares)
    anchors = _anchor_noise(probable[rows], known, shares)
    true = _deconvolved(probable, anchors)
    cautious = _posterior(true[rows], anchors, known)
    sharp = softmax(float(min(signals, _INDEPENDENT)) * np.log(np.maximum(true, 1e-12)))
    noise = _em(sharp[rows], known, shares, anchors)
    posterior = _with_copies(sharp[rows], noise, known, evidence.groups[rows])
    disagreeing = sharp[rows].argmax(axis=1) != known
    clearness = _clearness(true[rows], shares)
    least = (1 - cautious[np.arange(len(known)), known]) * clearness
    return NoiseModel(noise, sharp, posterior, least, disagreeing, clearness)


def refit_noise(first: NoiseModel, true: Reals, evidence: Evidence) -> NoiseModel:
    """The model anew, from what the signals say once the labels that `first` doubts no longer teach them.

    What is left is nearly free of errors, so the signals speak of the true class, up to a temperature: the
    one that explains the given labels best, through a noise matrix fitted with it by EM.

    Args:
        first: what `fit_noise` found.
        true: log of the signals' geometric mean, any base level, float64 [n, C].
        evidence: the labels, the doubted ones not among the teachers.

    """
    rows = evidence.labelled
    known, shares = evidence.labels[rows], replace(evidence, teachers=evidence.labels).weights[rows]

    def surprise(temper: float) -> float:
        tempered = softmax(temper * true[rows])
        likelihood = (tempered * _em(tempered, known, shares, first.noise)[:, known].T).sum(axis=1)
        return -float(np.log(np.maximum(likelihood, 1e-12)) @ shares)

    sharp = softmax(_SECOND_SHARPNESS * min(_TEMPERS, key=surprise) * true)
    noise = _em(sharp[rows], known, shares, first.noise)
    posterior = _with_copies(sharp[rows], noise, known, evidence.groups[rows])
    most = sharp[rows].argmax(axis=1) != known
    return NoiseModel(noise, sharp, posterior, first.least, most, first.clearness)


def _clearness(true: Reals, shares: Reals) -> float:
    """From 0 (classes that run into each other) to 1, by P(true | image) [m, C]."""
    return float(
        np.clip((np.average(true.max(axis=1), weights=shares) - _UNCLEAR) / (_CLEAR - _UNCLEAR), 0, 1)
    )


def _tempered(logits: Reals, rows: Ids, known: Ids, shares: Reals) -> Reals:
    """softmax(t * logits), t the most probable given the labels (Guo et al., ICML 2017, section 4.2)."""
    from scipy.optimize import minimize_scalar

    at, weights = np.arange(len(rows)), shares / shares.sum()

    def loss(log_t: float) -> float:
        likelihood = softmax(np.exp(log_t) * logits[rows])[at, known]
        return float(-np.log(np.maximum(likelihood, 1e-12)) @ weights)

    best = minimize_scalar(loss, bounds=(-2, 2), method="bounded", options={"xatol": 1e-2})
    return softmax(np.exp(best.x) * logits)


def _prior_counts(n_classes: int) -> Reals:
    if n_classes == 1:
        return np.full((1, 1), _PRIOR_ROWS)
    wrong = (1 - _PRIOR_RIGHT) / (n_classes - 1)
    return _PRIOR_ROWS * (wrong + (_PRIOR_RIGHT - wrong) * np.eye(n_classes))


def _anchor_noise(probable: Reals, labels: Ids, shares: Reals) -> Reals:
    """P(given | true) from the labels of each class's surest images, [C, C]."""
    n_classes = probable.shape[1]
    counts, likeliest = _prior_counts(n_classes), probable.argmax(axis=1)
    for label in range(n_classes):
        members = np.flatnonzero(likeliest == label)
        wanted = max(int(_ANCHORS * len(members)), _FEWEST_ANCHORS)
        surest = members[np.argsort(-probable[members, label], kind="stable")[:wanted]]
        counts[label] += np.bincount(labels[surest], shares[surest], minlength=n_classes)
    noise: Reals = counts / counts.sum(axis=1, keepdims=True)
    return noise


def _deconvolved(given: Reals, noise: Reals) -> Reals:
    """P(true | image) such that P(true | image) @ noise is P(given | image), as nearly as may be, [n, C]."""
    true = given.copy()
    for _ in range(_DECONVOLUTION_STEPS):
        true *= (given / np.maximum(true @ noise, 1e-12)) @ noise.T
        true /= true.sum(axis=1, keepdims=True)
    return true


def _posterior(true: Reals, noise: Reals, labels: Ids) -> Reals:
    joint = true * noise[:, labels].T  # [m, C]
    posterior: Reals = joint / joint.sum(axis=1, keepdims=True)
    return posterior


def _with_copies(true: Reals, noise: Reals, labels: Ids, groups: Ids) -> Reals:
    """`_posterior`, but near duplicates that are labelled differently know of each other's labels.

    A label counts by its share in the group, all of them together once a class: the same label on near
    duplicates is no independent witness, but of two different ones at most one is right.
    """
    posterior = _posterior(true, noise, labels)
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    for group in np.split(order, starts[1:]):
        given, counts = np.unique(labels[group], return_counts=True)
        if len(given) > 1:
            weight = len(given) * counts / counts.sum()
            joint = true[group] * np.prod(noise[:, given] ** weight, axis=1)  # [members, C]
            posterior[group] = joint / joint.sum(axis=1, keepdims=True)
    return posterior


def _em(true: Reals, labels: Ids, shares: Reals, noise: Reals) -> Reals:
    """The noise matrix most probable given the labels and each image's true-class probabilities, [C, C]."""
    n_classes = true.shape[1]
    given = np.zeros((len(labels), n_classes))
    given[np.arange(len(labels)), labels] = shares
    for _ in range(_EM_STEPS):
        counts = _posterior(true, noise, labels).T @ given + _prior_counts(n_classes)
        noise = counts / counts.sum(axis=1, keepdims=True)
    return noise
