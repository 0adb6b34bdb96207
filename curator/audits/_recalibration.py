"""What verdicts say about the error probabilities themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from curator._arrays import Ids, Reals
from curator.audits.sampling import Sample

_FLOOR = 1e-3  # no probability nearer to 0 or 1 goes into a logarithm
_PRIOR_WIDTHS = (1.0, 0.5, 0.5)  # of the shift and the logs of the slopes: few verdicts change little
_BIN = 30  # verdicts that a stretch of the ranking is judged by
_PRIOR_ROWS = 5.0  # verdicts that the mean probability of a stretch counts for, next to its own
_TRIALS = 200
_RISK = 0.02  # of promising a precision that a list does not have


def recalibrated(probability: Reals, samples: Sequence[Sample]) -> Reals:
    """Error probabilities as the verdicts would have them, in the same order, [m].

    Beta calibration (Kull, Silva Filho and Flach, AISTATS 2017), its slopes held near 1 by a prior. Rows were
    drawn by their probability alone, so verdicts need no weights to say what a probability is worth.
    """
    from scipy.optimize import minimize

    before, wrong = _verdicts(samples)
    features = _features(before)

    def loss(values: Reals) -> float:
        z = _score(values, features)
        surprise = np.logaddexp(0, z) - wrong * z
        return float(surprise.sum() + ((values / _PRIOR_WIDTHS) ** 2).sum() / 2)

    best = minimize(loss, np.zeros(3), method="BFGS").x
    again: Reals = 1 / (1 + np.exp(-_score(best, _features(probability))))
    return again


def best_threshold(probability: Reals) -> float:
    """The probability, at most 0.5, from which on calling labels wrong has the highest expected F1."""
    ranked = np.sort(probability)[::-1]
    if not len(ranked) or ranked.sum() <= 0:
        return 0.5
    expected = 2 * np.cumsum(ranked) / (np.arange(1, len(ranked) + 1) + ranked.sum())
    return float(min(ranked[expected.argmax()], 0.5))


def rows_at_precision(probability: Reals, precision: float, samples: Sequence[Sample]) -> int:
    """How many of the labels with these probabilities [m], highest first, can be listed at this precision.

    Without verdicts, as many as have that mean probability. With them, each stretch of the ranking with 30
    verdicts has an error rate of its own, beta distributed around them, and the list is the longest one that
    is precise enough in 98 % of the draws.
    """
    ranked = np.sort(probability)[::-1]
    lengths = np.arange(1, len(ranked) + 1)
    if not any(sample.judged.any() for sample in samples):
        return int(_longest(np.cumsum(ranked) / lengths, precision))
    before, wrong = _verdicts(samples)
    judged = recalibrated(before, samples)
    order = np.argsort(-judged, kind="stable")
    bins = np.array_split(order, max(1, len(order) // _BIN))
    edges = [judged[upper].min() for upper in bins[:-1]]
    stretch = np.searchsorted(-np.array(edges), -ranked, side="left")  # [m]
    mean = np.array([judged[rows].mean() for rows in bins])
    found = np.array([wrong[rows].sum() for rows in bins]) + _PRIOR_ROWS * mean
    missed = np.array([(1 - wrong[rows]).sum() for rows in bins]) + _PRIOR_ROWS * (1 - mean)
    rng = np.random.default_rng(0)
    drawn = [
        _longest(np.cumsum(np.minimum(ranked * (rate / mean)[stretch], 1)) / lengths, precision)
        for rate in rng.beta(found, missed, (_TRIALS, len(bins)))
    ]
    return int(np.quantile(drawn, _RISK))


def _longest(precisions: Reals, wanted: float) -> int:
    """The length of the longest list that is precise enough, by the precision of each length, [m]."""
    enough: Ids = np.flatnonzero(precisions >= wanted)
    return int(enough[-1]) + 1 if len(enough) else 0


def _verdicts(samples: Sequence[Sample]) -> tuple[Reals, Reals]:
    """Error probabilities of the judged labels before any verdict, and whether each was wrong, [v]."""
    before = [sample.error_probability[sample.judged] for sample in samples]
    return np.concatenate(before), np.concatenate([sample.wrong[sample.judged] for sample in samples])


def _features(probability: Reals) -> tuple[Reals, Reals]:
    inside = _FLOOR + (1 - 2 * _FLOOR) * probability
    return np.log(inside), -np.log1p(-inside)


def _score(values: Reals, features: tuple[Reals, Reals]) -> Reals:
    score: Reals = values[0] + np.exp(values[1]) * features[0] + np.exp(values[2]) * features[1]
    return score
