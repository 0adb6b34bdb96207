"""Labels drawn for people to check, and what their verdicts say about all the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curator._arrays import Ids, Reals
from curator.errors import CuratorError

__all__ = ["ErrorCount", "Sample", "draw_sample", "estimate_errors", "rows_worth_checking"]

_STRATA, _ROWS_EACH = 10, 15  # at most so many strata, at least so many rows in each
_LEAST_SPREAD = (
    0.1  # of a label that the audit is sure of: sure is not certain, so some of these are drawn too
)
_PRIOR = 0.25  # rows that a stratum's mean error probability counts for, next to its verdicts
_PRIOR_SPREAD = 1.0  # the same for the variance: four verdicts alike do not make a stratum certain
_FLAT = 0.25  # and so many for "wrong" and for "right" each, between none and Jeffreys' half
_WIDEST = 0.06  # of the interval, as a share of the labels: what a person is asked to check for
_NARROWEST = 0.01


class ErrorCount(NamedTuple):
    """How many labels are wrong, with a 95 % interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Sample:
    """A stratified random sample of labels, and the verdicts on them.

    Attributes:
        rows: of the labels, int64 [m], in random order: whoever stops early has still judged at random.
        strata: the stratum of each, int64 [m].
        stratum_sizes: how many labels that stratum holds, int64 [m].
        stratum_means: mean error probability of all labels in that stratum, float64 [m].
        error_probability: of each label as the audit alone had it, before any verdict, float64 [m].
        wrong: verdicts, float64 [m]: 1 wrong, 0 right, NaN where there is none.
        corrected: how many of the labels that were drawn from have been changed since, by whatever means.
        newcomers: how many labels there are now on images that had none then; wrong as often as the others.

    """

    rows: Ids
    strata: Ids
    stratum_sizes: Ids
    stratum_means: Reals
    error_probability: Reals
    wrong: Reals
    corrected: int = 0
    newcomers: int = 0

    @property
    def inclusion(self) -> Reals:
        """With what probability each label was drawn, float64 [m]."""
        drawn = np.bincount(self.strata)[self.strata]
        shares: Reals = drawn / self.stratum_sizes
        return shares

    @property
    def labels(self) -> int:
        """How many labels were drawn from."""
        return int(self.stratum_sizes[np.unique(self.strata, return_index=True)[1]].sum())

    @property
    def judged(self) -> npt.NDArray[np.bool_]:
        """Which labels have a verdict, bool [m]."""
        return ~np.isnan(self.wrong)


def draw_sample(
    error_probability: npt.NDArray[np.float64],
    budget: int,
    *,
    before: npt.NDArray[np.float64] | None = None,
    checked: npt.ArrayLike = False,
    seed: int = 0,
) -> Sample:
    """Draw `budget` labels for people to check.

    Strata are stretches of the ranking by error probability that add up to the same sum of standard
    deviations sqrt(p (1 - p)), so that equally many rows from each are Neyman's allocation (1934; Dalenius
    and Hodges 1959 for the strata): most are drawn where the audit is unsure, some everywhere.

    Args:
        error_probability: float [n], NaN where unlabelled.
        budget: how many labels to draw; all, where there are no more.
        before: the same before any verdict; None where there has been none.
        checked: bool [n], labels that people have judged already and that are not drawn.
        seed: of the draw.

    Raises:
        CuratorError: a budget below 1, or no label left to draw from.

    """
    if budget < 1:
        raise CuratorError(f"the sample is to have {budget} rows: wanted at least 1")
    probability = np.asarray(error_probability, np.float64)
    left = np.flatnonzero(~np.isnan(probability) & ~np.broadcast_to(checked, probability.shape))
    if not len(left):
        raise CuratorError("there is no label left to check: all of them have been judged")
    rng = np.random.default_rng(seed)
    ranked = left[np.argsort(-probability[left], kind="stable")]
    strata = _strata(probability[ranked], budget)
    chosen = np.concatenate(
        [
            rng.choice(np.flatnonzero(strata == stratum), count, replace=False)
            for stratum, count in enumerate(_allocation(np.bincount(strata), budget))
        ]
    )
    chosen = rng.permutation(chosen)
    own, rows, sizes = strata[chosen], ranked[chosen], np.bincount(strata)
    means = np.bincount(strata, probability[ranked]) / sizes
    alone = probability if before is None else np.asarray(before, np.float64)
    return Sample(rows, own, sizes[own], means[own], alone[rows], np.full(len(rows), np.nan))


def _strata(ranked: Reals, budget: int) -> Ids:
    """A stratum for each label of the ranking, int64 [m], none of them empty."""
    count = max(1, min(_STRATA, budget // _ROWS_EACH, len(ranked)))
    spread = np.cumsum(_spread(ranked))
    strata = np.minimum((spread - spread[0] / 2) / spread[-1] * count, count - 1).astype(np.int64)
    return np.unique(strata, return_inverse=True)[1].astype(np.int64)


def _spread(probability: Reals) -> Reals:
    """Standard deviation of whether a label is wrong, with a floor."""
    spread: Reals = np.maximum(np.sqrt(probability * (1 - probability)), _LEAST_SPREAD)
    return spread


def _allocation(sizes: Ids, budget: int) -> list[int]:
    """Rows from each stratum: the same from all, as far as there are so many."""
    counts = np.zeros(len(sizes), np.int64)
    budget = min(budget, int(sizes.sum()))
    while (rest := budget - int(counts.sum())) > 0:
        open_strata = np.flatnonzero(counts < sizes)
        share = np.full(len(open_strata), rest // len(open_strata))
        share[: rest % len(open_strata)] += 1
        counts[open_strata] = np.minimum(counts[open_strata] + share, sizes[open_strata])
    return [int(count) for count in counts]


def estimate_errors(samples: Sequence[Sample]) -> ErrorCount:
    """How many labels are wrong now, by the verdicts on stratified samples, with a 95 % interval.

    In each stratum the share of wrong labels is that among the verdicts, drawn towards the stratum's mean
    error probability by the weight of a quarter of a row (a stratified prediction-powered estimate;
    Angelopoulos et al., Science 2023). The interval is Wilson's, with as many rows as would have the same
    variance (Korn and Graubard 1998). What was corrected since is taken off.
    Several samples are averaged by how many verdicts each has.

    Raises:
        CuratorError: no verdict at all.

    """
    judged = [sample for sample in samples if sample.judged.any()]
    if not judged:
        raise CuratorError("none of the drawn labels has been judged yet: fill in the `label` column")
    weights = np.array([sample.judged.sum() for sample in judged], np.float64)
    weights /= weights.sum()
    shares = np.array([_share(sample) for sample in judged])  # [samples, 3]
    share, smooth = weights @ shares[:, 0], weights @ shares[:, 1]
    low, high = _wilson(share, smooth * (1 - smooth) / (weights**2 @ shares[:, 2]))
    labels = weights @ [sample.labels + sample.newcomers for sample in judged]
    corrected = weights @ [sample.corrected for sample in judged]
    if not any((sample.wrong == 1).any() for sample in judged):
        low = 0.0
    return ErrorCount(*(max(0.0, float(labels * part - corrected)) for part in (share, low, high)))


def _share(sample: Sample) -> tuple[float, float, float]:
    """Share of wrong labels among those drawn from; the same, smoothed; its variance."""
    share = smooth = variance = 0.0
    for stratum in np.unique(sample.strata):
        here = sample.strata == stratum
        verdicts = sample.wrong[here & sample.judged]
        size, n, wrong = int(sample.stratum_sizes[here][0]), len(verdicts), float(verdicts.sum())
        part, mean = size / sample.labels, float(sample.stratum_means[here][0])
        rate = (wrong + _PRIOR_SPREAD * mean + _FLAT) / (n + _PRIOR_SPREAD + 2 * _FLAT)
        share += part * (wrong + _PRIOR * mean) / (n + _PRIOR)
        smooth += part * rate
        variance += part**2 * rate * (1 - rate) / max(n, 1) * (1 - n / size)
    return share, smooth, max(variance, 1e-12)


def _wilson(share: float, rows: float) -> tuple[float, float]:
    """Wilson's 95 % interval (1927) for a share seen in so many rows."""
    z = 1.96
    middle = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z * np.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2)) / (1 + z**2 / rows)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def rows_worth_checking(
    error_probability: npt.NDArray[np.floating], count: ErrorCount, samples: Sequence[Sample] = ()
) -> int:
    """How many more rows a sample needs for an interval of at most 6 points, or as wide as the estimate.

    Args:
        error_probability: float [n], NaN where unlabelled.
        count: the estimate as it stands.
        samples: with the verdicts it rests on.

    """
    spread = _spread(np.asarray(error_probability, np.float64)[~np.isnan(error_probability)])
    labels = len(spread)
    wanted = min(_WIDEST, max(_NARROWEST, count.estimate / labels))
    judged = sum(int(sample.judged.sum()) for sample in samples)
    if not judged:
        return min(labels, int(np.ceil((2 * 1.96 / wanted * spread.mean()) ** 2)))
    width = (count.high - count.low) / labels
    return max(0, min(labels - judged, int(np.ceil(judged * ((width / wanted) ** 2 - 1)))))
