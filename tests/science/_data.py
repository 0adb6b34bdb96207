"""Small data sets with known classes, and what is true of their graphs by definition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_digits

from curator.propagation import SoftLabels
from curator_indexes import KnnGraph, affinity, knn_graph, normalized

SHARED = Path(__file__).parents[3] / "shared" / "data"


@dataclass(frozen=True, eq=False)
class Data:
    """Embeddings float32 [n, d], true classes int64 [n] and the kNN graph."""

    embeddings: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]
    graph: KnnGraph

    @property
    def n(self) -> int:
        return len(self.classes)

    @property
    def unlabelled(self) -> npt.NDArray[np.int64]:
        return np.full(self.n, -1)

    def labels(self, ids: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """True labels for `ids`, none elsewhere."""
        labels = self.unlabelled
        labels[ids] = self.classes[ids]
        return labels


def of(embeddings: npt.NDArray[np.floating], classes: npt.ArrayLike, k: int = 15) -> Data:
    rows = embeddings.astype(np.float32)
    return Data(rows, np.asarray(classes, np.int64), knn_graph(rows, k))


@cache
def blobs(size: int = 60, classes: int = 4, spread: float = 0.15, k: int = 15) -> Data:
    """Well separated clusters around orthogonal directions of 16 dimensions."""
    rng = np.random.default_rng(7)
    labels = np.repeat(np.arange(classes), size)
    return of(np.eye(16)[labels] + spread * rng.normal(size=(len(labels), 16)), labels, k)


@cache
def digits(k: int = 30) -> Data:
    """scikit-learn's 1,797 handwritten digits: 64 pixels, centred."""
    pixels, classes = load_digits(return_X_y=True)
    return of(pixels - pixels.mean(axis=0), classes, k)


@cache
def identical() -> Data:
    return of(np.ones((12, 3)), np.arange(12) % 2)


@cache
def two_points() -> Data:
    return of(np.array([[1.0, 0.0], [0.8, 0.6]]), [0, 1])


@cache
def single() -> Data:
    return of(np.array([[1.0, 0.0]]), [0])


EVERY = {"blobs": blobs, "digits": digits, "identical": identical, "two points": two_points, "single": single}


def dense_diffusion(
    graph: KnnGraph, labels: npt.NDArray[np.int64], n_classes: int, *, k: int, alpha: float, gamma: float
) -> npt.NDArray[np.float64]:
    """(I - alpha S)^-1 Y by a dense solver, [n, C]."""
    similarity = normalized(affinity(graph, k=k, gamma=gamma)).toarray().astype(np.float64)
    seeds = np.zeros((graph.n, n_classes))
    rows = np.flatnonzero(labels >= 0)
    seeds[rows, labels[rows]] = 1
    return np.asarray(np.linalg.solve(np.eye(graph.n) - alpha * similarity, seeds))


def with_errors(classes: npt.NDArray[np.int64], share: float, seed: int) -> npt.NDArray[np.int64]:
    """The classes with exactly `share` of them replaced by a random other class."""
    rng = np.random.default_rng(seed)
    n_classes = int(classes.max()) + 1
    wrong = rng.choice(len(classes), round(share * len(classes)), replace=False)
    given = classes.copy()
    given[wrong] = (given[wrong] + rng.integers(1, n_classes, len(wrong))) % n_classes
    return given


def with_bursts(
    data: Data, labels: npt.NDArray[np.int64], copies: int, k: int
) -> tuple[Data, npt.NDArray[np.int64]]:
    """Each wrongly labelled image joined by copies of cosine .98 to .999 that share its label."""
    rng = np.random.default_rng(copies)
    unit = data.embeddings / np.linalg.norm(data.embeddings, axis=1, keepdims=True)
    source = np.repeat(np.flatnonzero(labels != data.classes), copies - 1)
    across = rng.normal(size=(len(source), unit.shape[1]))
    across -= (across * unit[source]).sum(axis=1, keepdims=True) * unit[source]
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    cosine = rng.uniform(0.98, 0.999, size=(len(source), 1))
    near = cosine * unit[source] + np.sqrt(1 - cosine**2) * across
    more = of(np.vstack([unit, near]), [*data.classes, *data.classes[source]], k)
    return more, np.concatenate([labels, labels[source]])


def auroc(positive: npt.NDArray[np.bool_], scores: npt.NDArray[np.floating]) -> float:
    """The chance that a positive scores above a negative."""
    from scipy.stats import rankdata

    ranks = rankdata(scores)[positive].sum()
    n, m = int(positive.sum()), int((~positive).sum())
    return float((ranks - n * (n + 1) / 2) / (n * m))


def shared_file(name: str) -> Path:
    """A file of real data, or skip."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"real data is not here: {path}")
    return path


def expected(data: Data, soft: SoftLabels, n_classes: int) -> npt.NDArray[np.float64]:
    """The documented formula, step by step, on a dense solution."""
    labels, calibration = soft.labels, soft.calibration
    mass = dense_diffusion(data.graph, labels, n_classes, k=15, alpha=soft.alpha, gamma=8)
    counts = np.bincount(labels[labels >= 0], minlength=n_classes)
    seen = counts > 0
    share = mass[:, seen] / mass[:, seen].mean(axis=0) + 1e-3
    prior = (counts[seen] + 1) / (counts[seen] + 1).sum()
    power = share**calibration.sharpness * prior**calibration.prior_weight
    wanted = np.zeros_like(mass)
    wanted[:, seen] = power / power.sum(axis=1, keepdims=True)
    rows = np.flatnonzero(labels >= 0)
    wanted[rows] = np.eye(n_classes)[labels[rows]]
    return wanted
