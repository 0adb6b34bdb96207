"""Labels with known errors: what people wrote (CIFAR-10N), and noise made by seed."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]
Rows = npt.NDArray[np.float32]

# CIFAR-10's classes are in alphabetical order; each is mistaken for one that looks like it (a permutation in
# the manner of Patrini et al. 2017: ship, truck, frog, dog, horse, cat, bird, deer, airplane, automobile).
LOOKS_LIKE = np.array([8, 9, 6, 5, 7, 3, 2, 4, 0, 1])


def symmetric(truth: Labels, _rows: Rows, share: float, rng: np.random.Generator) -> Labels:
    """Exactly `share` of the labels replaced by another class, all others equally likely."""
    given, wrong = truth.copy(), _chosen(len(truth), share, rng)
    given[wrong] = (given[wrong] + rng.integers(1, truth.max() + 1, len(wrong))) % (truth.max() + 1)
    return given


def pair(truth: Labels, _rows: Rows, share: float, rng: np.random.Generator) -> Labels:
    """Exactly `share` of the labels replaced by the class that looks like it."""
    given, wrong = truth.copy(), _chosen(len(truth), share, rng)
    given[wrong] = LOOKS_LIKE[given[wrong]]
    return given


def feature_dependent(truth: Labels, rows: Rows, share: float, rng: np.random.Generator) -> Labels:
    """Each image with its own error rate around `share`, and a wrong class that depends on its embedding.

    Xia et al., "Part-dependent Label Noise" (NeurIPS 2020), algorithm 2.
    """
    n_classes = int(truth.max()) + 1
    rates = np.clip(rng.normal(share, 0.1, len(truth)), 0, 1)
    given = truth.copy()
    for label in range(n_classes):
        members = np.flatnonzero(truth == label)
        logits = rows[members] @ rng.normal(size=(rows.shape[1], n_classes)) / rows[members].std()
        logits[:, label] = -np.inf
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        chances = np.cumsum(powers / powers.sum(axis=1, keepdims=True), axis=1)
        other = (chances < rng.random((len(members), 1))).sum(axis=1)
        given[members] = np.where(rng.random(len(members)) < rates[members], other, label)
    return given


def _chosen(n: int, share: float, rng: np.random.Generator) -> Labels:
    return rng.choice(n, round(share * n), replace=False)


MADE: dict[str, tuple[Callable[[Labels, Rows, float, np.random.Generator], Labels], float]] = {
    "symmetric 20 %": (symmetric, 0.2),
    "symmetric 50 %": (symmetric, 0.5),
    "pair 20 %": (pair, 0.2),
    "pair 40 %": (pair, 0.4),
    "feature-dependent 30 %": (feature_dependent, 0.3),
}
