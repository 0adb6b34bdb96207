"""A linear classifier fitted to class probabilities of all rows, and smoothed over the graph."""

from __future__ import annotations

import numpy as np

from curator._arrays import Floats, Ids, Reals, softmax
from curator.propagation.calibration import hold_given
from curator.propagation.diffusion import Diffusion

_SHRINKAGE = 0.1  # of the covariance towards a multiple of the identity
_TEMPERATURE = 0.5  # of the classifier's logits: Gaussian classes are surer than embeddings warrant
_ALPHA = 0.9  # of the smoothing: each row hears mostly its near neighbours
_BLOCK_ROWS = 1 << 15


def smoothed_head(diffusion: Diffusion, vectors: Floats, guess: Floats, labels: Ids) -> Floats:
    """What a classifier that saw `guess` for every row says, given labels in place, averaged over neighbours.

    Diffusion knows which rows are near each other; a classifier knows which directions tell classes apart,
    over the whole data. Smoothing its predictions over the graph is Predict then Propagate (Gasteiger,
    Bojchevski and Günnemann, ICLR 2019, eq. 3) with personalised PageRank solved exactly.

    Args:
        diffusion: whose graph is smoothed over.
        vectors: unit rows, float32 [n, d].
        guess: class probabilities, float32 [n, C]; a class of 0 everywhere stays so.
        labels: int64 [n], -1 where unlabelled.

    Returns:
        float32 [n, C], rows sum to 1.

    """
    weights, offsets = _fit(vectors, guess)
    offsets[guess.max(axis=0) == 0] = -np.inf
    predicted = np.empty_like(guess)
    for low in range(0, len(vectors), _BLOCK_ROWS):
        part = slice(low, low + _BLOCK_ROWS)
        logits = _TEMPERATURE * (vectors[part] @ weights + offsets)
        predicted[part] = softmax(logits.astype(np.float32))
    hold_given(predicted, labels)
    smooth = np.maximum(diffusion.smooth(predicted, _ALPHA), 0)
    smooth /= np.maximum(smooth.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return smooth


def _fit(vectors: Floats, guess: Floats) -> tuple[Reals, Reals]:
    """Fisher's linear discriminant of soft classes, equal priors: weights [d, C] and offsets [C].

    Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, eq. 4.10, with the regularised
    covariance of eq. 4.14.
    """
    d, classes = vectors.shape[1], guess.shape[1]
    total, second, sums = np.zeros(d), np.zeros((d, d)), np.zeros((classes, d))
    for low in range(0, len(vectors), _BLOCK_ROWS):
        rows, shares = vectors[low : low + _BLOCK_ROWS], guess[low : low + _BLOCK_ROWS]
        total += rows.sum(axis=0, dtype=np.float64)
        second += rows.T @ rows
        sums += shares.T @ rows
    n, sizes = len(vectors), guess.sum(axis=0, dtype=np.float64)
    mean = total / n
    centers = sums / np.maximum(sizes, 1e-12)[:, None] - mean  # [C, d]
    centers[sizes == 0] = 0
    within = second / n - np.outer(mean, mean) - (centers * (sizes / n)[:, None]).T @ centers
    ridge = max(np.trace(within) / d, 1e-12)
    within = (1 - _SHRINKAGE) * within + _SHRINKAGE * ridge * np.eye(d)
    weights = np.linalg.solve(within, centers.T)  # [d, C]
    return weights, -(centers.T * weights).sum(axis=0) / 2 - mean @ weights
