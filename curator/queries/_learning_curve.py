"""How accuracy grows with labels, measured on the labels at hand, and what further ones should add."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from curator._arrays import Floats, GraphLike, Ids, checked_graph, checked_labels
from curator.errors import CuratorError
from curator.propagation.calibration import ENOUGH_LABELS, Calibration, log_prior, log_shares, mean_mass
from curator.propagation.diffusion import GAMMA, NEIGHBORS, Diffusion, alpha_for

Reals: TypeAlias = npt.NDArray[np.float64]

_FEWEST_BLOCKS, _MOST_BLOCKS = 4, 8
_COLUMNS = 100  # to be solved for: with many classes, fewer blocks
_ORDERS = 24  # in which the blocks are learned
_MOST_TESTED = 5000  # labels predicted: more narrow no interval that matters
_RESAMPLED = 400  # bootstrap samples
_EXPONENTS = np.geomspace(0.1, 2.0, 14)
_INTERVAL = (0.025, 0.975)


@dataclass(frozen=True)
class ExpectedGain:
    """What further labels, chosen like those at hand, should add to the accuracy of propagation.

    Attributes:
        more: how many further labels.
        estimate: the gain in accuracy, a share: 0.01 is one point.
        low: lower end of a 95 % interval, not below 0.
        high: upper end.
        accuracy: on images like the labelled ones, now.
        sizes: numbers of labels at which accuracy was measured.
        errors: shares of wrong predictions there.

    """

    more: int
    estimate: float
    low: float
    high: float
    accuracy: float
    sizes: tuple[float, ...]
    errors: tuple[float, ...]


def expected_gain(
    graph: GraphLike,
    labels: npt.ArrayLike,
    *,
    more: int = 100,
    n_classes: int | None = None,
    calibration: Calibration | None = None,
    seed: int = 0,
) -> ExpectedGain:
    """Estimate how much the next labels would gain, from how much the last ones did.

    The labels are dealt into blocks; propagation from growing numbers of blocks predicts the labels of the
    rest (it is linear in the labels: each block is solved for once). A power law with a floor, error =
    c + a m^-b (Hestness et al., "Deep Learning Scaling is Predictable, Empirically", arXiv 1712.00409), is
    fitted to these errors and continued; the interval is that of fits to resampled labels and orders of
    blocks (bootstrap percentiles). It is of the gain to be expected: a single batch's varies more.

    The labels at hand are taken for a fair sample. Where they were picked for being hard, present accuracy is
    understated, and the gain is that on hard images.

    Args:
        graph: a kNN graph.
        labels: int [n], -1 where unlabelled; at least 50, of two classes, not counting classes' only ones.
        more: how many further labels; no more than are unlabelled are counted.
        n_classes: how many classes; None for the largest label + 1.
        calibration: that of `propagate(graph, labels)`; None for its default.
        seed: of blocks, orders and resampling.

    Raises:
        CuratorError: input that cannot be used, or too few labels to measure anything.

    """
    checked = checked_graph(graph)
    given, classes = checked_labels(labels, checked.n, n_classes)
    if isinstance(more, bool) or not isinstance(more, int | np.integer) or more < 1:
        raise CuratorError(f"more is {more!r}: wanted a whole number of at least 1")
    rows = usable(given)
    if not len(rows):
        raise CuratorError(
            f"too few labels to say what more would gain: wanted at least {ENOUGH_LABELS}, of two classes or "
            "more, each class twice or more"
        )
    rng = np.random.default_rng(seed)
    blocks = _dealt(given[rows], int(np.clip(_COLUMNS // classes, _FEWEST_BLOCKS, _MOST_BLOCKS)), rng)
    diffusion = Diffusion(checked, k=NEIGHBORS, gamma=GAMMA, alpha=alpha_for(given))
    trials = _trials(diffusion, rows, given[rows], blocks, classes, calibration or Calibration(), rng)
    return _judged(trials, len(rows), min(int(more), int((given < 0).sum())), rng)


def usable(labels: Ids) -> Ids:
    """Labelled rows whose class others have, too; none where there are under 50, or of one class only."""
    counts = np.bincount(labels[labels >= 0]) if (labels >= 0).any() else np.zeros(1, np.int64)
    rows = np.flatnonzero((labels >= 0) & (counts[labels] > 1))
    enough = len(rows) >= ENOUGH_LABELS and (counts > 1).sum() > 1
    return rows if enough else rows[:0]


@dataclass(frozen=True, eq=False)
class _Trials:
    """Predictions of t labels from growing numbers of blocks (s), in o orders.

    Attributes:
        sizes: labels learned from, float64 [s].
        tested: whether a label was held out, float32 [o, s, t].
        wrong: whether it was then predicted wrongly, float32 [o, s, t].

    """

    sizes: Reals
    tested: Floats
    wrong: Floats


def _dealt(labels: Ids, count: int, rng: np.random.Generator) -> Ids:
    """A block below `count` for each label [m], every class spread evenly, int64 [m]."""
    shuffled = rng.permutation(len(labels))
    blocks = np.empty(len(labels), np.int64)
    blocks[shuffled[np.argsort(labels[shuffled], kind="stable")]] = np.arange(len(labels)) % count
    return blocks


def _trials(
    diffusion: Diffusion,
    rows: Ids,
    labels: Ids,
    blocks: Ids,
    n_classes: int,
    calibration: Calibration,
    rng: np.random.Generator,
) -> _Trials:
    count, places = int(blocks.max()) + 1, np.sort(rng.permutation(len(rows))[:_MOST_TESTED])
    mass = np.empty((count, len(places), n_classes), np.float32)
    average, counts = np.empty((count, n_classes)), np.empty((count, n_classes), np.int64)
    for block in range(count):
        mine = rows[blocks == block], labels[blocks == block]
        spread = diffusion.spread(*mine, np.ones(len(mine[0]), np.float32), n_classes)
        mass[block], average[block] = spread[rows[places]], mean_mass(spread)
        counts[block] = np.bincount(mine[1], minlength=n_classes)
    tested = np.empty((_ORDERS, count - 1, len(places)), np.float32)
    wrong = np.empty_like(tested)
    for order in range(_ORDERS):
        learned = rng.permutation(count)
        for size in range(1, count):
            known = learned[:size]
            guess = _predicted(mass[known], average[known], counts[known], calibration)
            tested[order, size - 1] = ~np.isin(blocks[places], known)
            wrong[order, size - 1] = guess != labels[places]
    return _Trials(np.arange(1, count) * len(rows) / count, tested, wrong * tested)


def _predicted(mass: Floats, average: Reals, counts: Ids, calibration: Calibration) -> Ids:
    """The likeliest classes, int64 [t], from the mass of some blocks, [b, t, C], [b, C] and [b, C]."""
    shares = calibration.sharpness * log_shares(mass.sum(axis=0), average.sum(axis=0))
    seen = counts.sum(axis=0)
    scores = shares + np.where(seen > 0, calibration.prior_weight * log_prior(seen), -np.inf)
    return np.asarray(scores.argmax(axis=1))


def _judged(trials: _Trials, count: int, more: int, rng: np.random.Generator) -> ExpectedGain:
    """The gain and its interval, from the errors of all trials and of resampled ones."""
    orders, _, tests = trials.tested.shape
    weights = rng.multinomial(tests, np.full(tests, 1 / tests), _RESAMPLED).T.astype(np.float32)  # [t, r]
    drawn = rng.multinomial(orders, np.full(orders, 1 / orders), _RESAMPLED).T.astype(np.float32)  # [o, r]
    wrong, tested = (np.einsum("osr,or->rs", part @ weights, drawn) for part in (trials.wrong, trials.tested))
    errors = trials.wrong.sum(axis=(0, 2)) / trials.tested.sum(axis=(0, 2))  # [s]
    sizes = np.array([count, count + more], np.float64)
    now, then = _fitted(trials.sizes, errors[None].astype(np.float64), sizes)[0]
    resampled = _fitted(trials.sizes, (wrong / tested).astype(np.float64), sizes)  # [r, 2]
    low, high = np.quantile(resampled[:, 0] - resampled[:, 1], _INTERVAL)
    estimate = float(now - then)
    return ExpectedGain(
        more,
        estimate,
        min(float(low), estimate),
        max(float(high), estimate),
        float(1 - now),
        tuple(trials.sizes.tolist()),
        tuple(errors.tolist()),
    )


def _fitted(sizes: Reals, errors: Reals, wanted: Reals) -> Reals:
    """The errors at the `wanted` sizes [w] by c + a m^-b, a and c at least 0, fitted to each row, [r, w].

    Weighted by m: what comes next is more like the end of the curve than like its start.
    """
    weight = sizes / sizes.sum()
    mean = errors @ weight  # [r]
    least, best = np.full(len(errors), np.inf), np.zeros((len(errors), len(wanted)))
    for exponent in _EXPONENTS:
        power = sizes**-exponent  # [s]
        centered = power - power @ weight
        slope = np.maximum((errors @ (weight * centered)) / (weight @ centered**2), 0)  # a, [r]
        floor = mean - slope * (power @ weight)  # c
        without = (errors @ (weight * power)) / (weight @ power**2)  # a where c would be below 0
        slope, floor = np.where(floor < 0, without, slope), np.maximum(floor, 0)
        residual = ((errors - floor[:, None] - slope[:, None] * power) ** 2) @ weight
        better = residual < least
        least[better] = residual[better]
        best[better] = (floor[:, None] + slope[:, None] * wanted**-exponent)[better]
    return best
