"""From diffused label mass to class probabilities."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from curator._arrays import Floats, Ids, Reals, softmax

ENOUGH_LABELS = 50  # below, a fit of two numbers says more about the sample than about the data
_FLOOR = 1e-3  # a class that reaches a row with less of its average mass counts as absent there
_MOST_FITTED = 5000  # labels in the fit: more change neither number by 1 %
_BLOCK_ROWS = 1 << 16
# Centres and standard deviations of the normal priors of log sharpness, prior weight and, where a classifier
# has a say, its log weight: what fits on CIFAR-10 and digits embeddings with 50 to 5,000 labels gave, wide
# enough for 50 labels to overrule.
_PRIOR_CENTERS = (np.log(3.0), 0.5)
_PRIOR_CENTERS_WITH_HEAD = (np.log(0.7), 0.5, 0.0)
_PRIOR_WIDTH = 0.5


@dataclass(frozen=True)
class Calibration:
    """How class mass becomes a probability: p_c ~ m_c^sharpness * prior_c^prior_weight * h_c^head_weight.

    m_c is the share of class c's diffused mass that reached the row, relative to an average row: class-mass
    normalisation (Zhu, Ghahramani and Lafferty, ICML 2003, section 4), so that a class with many labels does
    not drown the others. prior_c is the smoothed share of the labels that are c. h_c, where there are
    embeddings, is what a classifier says, likewise relative to an average row.

    Attributes:
        sharpness: exponent of the mass; diffusion with alpha near 1 is flat, so it is above 1.
        prior_weight: 0 for a uniform prior over the classes seen, 1 for the labels' own.
        head_weight: exponent of what the classifier says; 0 without one.
        held_out: how many held-out labels these were fitted on; 0 where confidences are a guess.

    """

    sharpness: float = 3.0
    prior_weight: float = 0.0
    head_weight: float = 0.0
    held_out: int = 0

    def margin(self, mean_confidence: float) -> float:
        """How far the mean confidence may be from the accuracy, at 95 %; NaN where it is a guess.

        No fit can know the accuracy of a population better than its sample of labels shows it.
        """
        if not self.held_out:
            return float("nan")
        return 1.96 * math.sqrt(mean_confidence * (1 - mean_confidence) / self.held_out)


GUESS = Calibration()
GUESS_WITH_HEAD = Calibration(sharpness=0.7, prior_weight=0.5, head_weight=1.0)
"""Where there are too few labels to fit them."""


def class_probabilities(
    mass: Floats,
    counts: Ids,
    calibration: Calibration,
    head: Floats | None = None,
    averages: Reals | None = None,
) -> Floats:
    """Class probabilities of every row.

    Args:
        mass: diffused label mass, float32 [n, C].
        counts: labels of each class, int64 [C]; a class without any gets probability 0.
        calibration: see there.
        head: `log_shares` of what a classifier says, float32 [n, C].
        averages: `mean_mass` of all rows, where `mass` is of some, float64 [C].

    Returns:
        float32 [n, C], rows sum to 1. A row that no label reaches gets the (weighted) prior.

    """
    averages = mean_mass(mass) if averages is None else averages
    offsets = np.where(counts > 0, calibration.prior_weight * log_prior(counts), -np.inf).astype(np.float32)
    probabilities = np.empty(mass.shape, np.float32)
    for low in range(0, len(mass), _BLOCK_ROWS):
        part = slice(low, low + _BLOCK_ROWS)
        logits = np.float32(calibration.sharpness) * log_shares(mass[part], averages) + offsets
        if head is not None:
            logits += np.float32(calibration.head_weight) * head[part]
        probabilities[part] = softmax(logits)
    return probabilities


def hold_given(probabilities: Floats, labels: Ids) -> None:
    """Give each labelled row [n] its label for certain, in place; -1: none."""
    given = np.flatnonzero(labels >= 0)
    probabilities[given] = 0
    probabilities[given, labels[given]] = 1


def mean_mass(mass: Floats) -> Reals:
    """Each class's mass at an average row, float64 [C]."""
    return np.asarray(mass.mean(axis=0, dtype=np.float64))


def log_shares(mass: Floats, averages: Reals) -> Floats:
    """Log of m_c, each class's mass at a row relative to an average row's, floored, float32 [b, C]."""
    scale = np.maximum(averages, np.finfo(np.float32).tiny).astype(np.float32)
    shares: Floats = np.log(np.maximum(mass, 0) / scale + np.float32(_FLOOR))
    return shares


def log_prior(counts: Ids) -> Reals:
    """Log of the classes' shares among the labels, one label added to each class seen, float64 [C]."""
    smoothed = np.where(counts > 0, counts + 1.0, 1.0)
    prior: Reals = np.log(smoothed / smoothed[counts > 0].sum())
    return prior


def fit_calibration(shares: Floats, labels: Ids, counts: Ids, head: Floats | None = None) -> Calibration:
    """The calibration most probable given labels that were held out of the diffusion.

    Args:
        shares: `log_shares` of the held-out rows, diffused from the other labels only, float32 [m, C].
        labels: their labels, int64 [m].
        counts: labels of each class among all labels, int64 [C].
        head: `log_shares` of what a classifier says of those rows that saw only the other labels, [m, C].

    """
    from scipy.optimize import minimize

    held_out = len(labels)
    step = -(-held_out // _MOST_FITTED)
    shares, labels, rows = shares[::step], labels[::step], np.arange(-(-len(labels) // step))
    said = None if head is None else head[::step]
    centers = np.array(_PRIOR_CENTERS if said is None else _PRIOR_CENTERS_WITH_HEAD)
    offsets = np.where(counts > 0, log_prior(counts), 0.0)
    absent = np.where(counts > 0, 0.0, -np.inf)

    def loss(values: Reals) -> float:
        logits = np.exp(values[0]) * shares + values[1] * offsets + absent
        if said is not None:
            logits += np.exp(values[2]) * said
        likelihood = softmax(logits)[rows, labels]
        distance = (values - centers) / _PRIOR_WIDTH
        return float((distance**2).sum() / 2 - np.log(np.maximum(likelihood, 1e-12)).sum())

    best = minimize(loss, centers, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-3}).x
    head_weight = 0.0 if said is None else float(np.exp(best[2]))
    return Calibration(float(np.exp(best[0])), float(best[1]), head_weight, held_out)
