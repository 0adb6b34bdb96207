"""What a linear classifier that never saw a label says it should be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curator._arrays import Floats, Ids, softmax
from curator.audits._evidence import Evidence

FOLDS = 5
_LEAST_IMAGES = 20  # fewer teach a classifier nothing that the neighbours do not know
_MOST_TRAINED = 50_000  # rows a fold learns from: more change no probability that matters
_PENALTY = 1e-3  # on squared weights of whitened features; from 1e-4 to 1e-2 AUROC moves by under .001
_STEPS = 20  # of L-BFGS; on whitened features further ones change nothing
_FLOOR = 1e-4  # of each probability


def linear_head(evidence: Evidence) -> Floats | None:
    """Out-of-fold softmax regression on the embeddings, 5 folds; unlabelled rows get the folds' mean.

    Northcutt, Jiang and Chuang, "Confident Learning" (JAIR 2021), section 3, use it likewise. Near
    duplicates are in the same fold, so that no label is predicted by its own copy, and together weigh as
    much as one image. None without embeddings, with under 20 teaching images (near duplicates counted once)
    or a single class.
    """
    labelled = evidence.labelled
    images = len(np.unique(evidence.groups[evidence.teachers >= 0]))
    if evidence.vectors is None or images < _LEAST_IMAGES or evidence.n_classes < 2:
        return None
    features = _whitened(evidence.vectors, labelled)
    rng = np.random.default_rng(evidence.seed)
    folds = _folds(evidence, rng)
    probabilities = np.zeros((evidence.graph.n, evidence.n_classes), np.float32)
    unlabelled, shares = np.flatnonzero(evidence.labels < 0), evidence.weights.astype(np.float32)
    for fold in range(FOLDS):
        train = labelled[(folds[labelled] != fold) & (evidence.teachers[labelled] >= 0)]
        if len(train) > _MOST_TRAINED:
            train = np.sort(rng.choice(train, _MOST_TRAINED, replace=False))
        weights = _fit(features[train], evidence.teachers[train], shares[train], evidence.n_classes)
        held_out = labelled[folds[labelled] == fold]
        probabilities[held_out] = softmax(features[held_out] @ weights)
        probabilities[unlabelled] += softmax(features[unlabelled] @ weights) / FOLDS
    return (1 - _FLOOR) * probabilities + _FLOOR * evidence.prior.astype(np.float32)


def _folds(evidence: Evidence, rng: np.random.Generator) -> Ids:
    """A fold for each row, int64 [n]: whole groups of near duplicates, each class spread evenly."""
    labelled = evidence.labelled
    groups, first = np.unique(evidence.groups[labelled], return_index=True)
    shuffled = rng.permutation(len(groups))
    by_class = shuffled[np.argsort(evidence.labels[labelled[first[shuffled]]], kind="stable")]
    fold_of_group = np.zeros(int(evidence.groups.max()) + 1, np.int64)
    fold_of_group[groups[by_class]] = np.arange(len(groups)) % FOLDS
    return fold_of_group[evidence.groups]


def _whitened(vectors: Floats, rows: Ids) -> Floats:
    """Features of unit covariance over `rows`, and a constant one, float32 [n, d + 1].

    Whitening uses no label, and lets L-BFGS arrive in 20 steps instead of hundreds.
    """
    mean = vectors[rows].mean(axis=0, dtype=np.float64)
    centered = vectors - mean.astype(np.float32)
    covariance = np.cov(centered[rows].T.astype(np.float64)).reshape(len(mean), len(mean))
    values, directions = np.linalg.eigh(covariance)
    scale = 1 / np.sqrt(np.maximum(values, 0) + 1e-3 * max(values.max(), 1e-12))
    whitened = centered @ (directions * scale).astype(np.float32)
    return np.hstack([whitened, np.ones((len(vectors), 1), np.float32)])


def _fit(features: Floats, labels: Ids, shares: Floats, n_classes: int) -> Floats:
    """Weights of the penalised softmax regression, float32 [d + 1, C]; row i counts `shares[i]` times."""
    from scipy.optimize import minimize

    wanted = np.zeros((len(labels), n_classes), np.float32)
    wanted[np.arange(len(labels)), labels] = 1
    shares = shares / shares.sum()

    def loss(values: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        weights = values.reshape(features.shape[1], n_classes).astype(np.float32)
        predicted = softmax(features @ weights)  # [m, C]
        surprise = -np.log(np.maximum(predicted[np.arange(len(labels)), labels], 1e-30)) @ shares
        slope = features.T @ ((predicted - wanted) * shares[:, None]) + np.float32(_PENALTY) * weights
        return float(surprise) + _PENALTY / 2 * float((values**2).sum()), slope.ravel().astype(np.float64)

    start = np.zeros(features.shape[1] * n_classes)
    best = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    return best.x.reshape(features.shape[1], n_classes).astype(np.float32)
