"""Propagation and audit as scikit-learn estimators, for pipelines and for comparison with others."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data

from curator.audits import AuditReport, audit
from curator.propagation import propagate
from curator_indexes import KnnGraph, VectorIndex, knn_graph

__all__ = ["LabelAuditor", "LabelPropagator"]

UNLABELLED = -1
_GAMMA = 3  # exponent of the similarity by which a neighbour's classes count for a new row


class LabelPropagator(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Labels spread over the kNN graph of the rows; new rows are given what their neighbours were.

    As in `sklearn.semi_supervised`, -1 in `y` stands for no label. Rows are compared by cosine similarity.

    Parameters
    ----------
        n_neighbors: neighbours of each row in the graph; all other rows where there are fewer.
        alpha: how far labels spread, in (0, 1); None to go by the labelled share.
        random_state: of the graph and of the folds by which probabilities are calibrated.

    Attributes
    ----------
        classes_: the classes seen in `fit`, [C].
        label_distributions_: class probabilities of the rows of `fit`, float32 [n, C].
        transduction_: most probable class of the rows of `fit`, [n].

    """

    def __init__(
        self, n_neighbors: int = 50, *, alpha: float | None = None, random_state: int | None = 0
    ) -> None:
        self.n_neighbors = n_neighbors
        self.alpha = alpha
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Learn from rows `X` float [n, d] and their labels `y` [n]."""
        rows, codes = _validated(self, X, y)
        seed = _seed(self.random_state)
        soft = propagate(
            _graph(rows, self.n_neighbors, seed),
            codes,
            embeddings=rows,
            n_classes=len(self.classes_),
            alpha=self.alpha,
            seed=seed,
        )
        self.label_distributions_ = soft.probabilities
        self.transduction_ = self.classes_[soft.predictions]
        self._rows, self._index = rows, VectorIndex.build(rows)
        return self

    def predict_proba(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Class probabilities float64 [m, C] of rows float [m, d]: the mean of their neighbours'."""
        check_is_fitted(self)
        rows = _unit(validate_data(self, X, reset=False, dtype=np.float32))
        count = min(self.n_neighbors, len(self.label_distributions_))
        neighbors, similarities = self._index.search(rows, count)
        weights = np.maximum(similarities.astype(np.float64), 1e-6) ** _GAMMA  # [m, k]
        weights /= 1 - np.minimum(similarities, 1) + 1e-3  # the row itself, if it was among those of `fit`
        shares = np.einsum("mk,mkc->mc", weights, self.label_distributions_[neighbors])
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The most probable class [m] of rows float [m, d]."""
        shares = self.predict_proba(X)
        return np.asarray(self.classes_[shares.argmax(axis=1)])

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_index"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_rows" in state:
            self._index = VectorIndex.build(self._rows)


class LabelAuditor(BaseEstimator):  # type: ignore[misc]
    """Which labels of a data set to doubt, from its rows and labels alone.

    As in `sklearn.semi_supervised`, -1 in `y` stands for no label. Rows are compared by cosine similarity.

    Parameters
    ----------
        n_neighbors: neighbours of each row in the graph; all other rows where there are fewer.
        random_state: of the graph and of the cross-validation's folds.

    Attributes
    ----------
        classes_: the classes seen in `fit`, [C].
        error_probability_: how probably each label is wrong, float [n], NaN where there is none.
        suggested_labels_: the class that each row probably has, [n].
        issues_: which labels are probably wrong, bool [n].
        report_: the whole `AuditReport`, in codes into `classes_`.

    """

    def __init__(self, n_neighbors: int = 50, *, random_state: int | None = 0) -> None:
        self.n_neighbors = n_neighbors
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Audit the labels `y` [n] of rows `X` float [n, d]."""
        rows, codes = _validated(self, X, y)
        seed = _seed(self.random_state)
        graph = _graph(rows, self.n_neighbors, seed)
        report: AuditReport = audit(graph, codes, embeddings=rows, n_classes=len(self.classes_), seed=seed)
        self.report_ = report
        self.error_probability_ = report.error_probability
        self.suggested_labels_ = self.classes_[report.suggested_labels]
        self.issues_ = report.issues
        return self

    def fit_predict(self, X: npt.ArrayLike, y: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Audit the labels, and return which are probably wrong, bool [n]."""
        return self.fit(X, y).issues_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _validated(
    estimator: Any, X: npt.ArrayLike, y: npt.ArrayLike
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Unit rows float32 [n, d] and label codes int64 [n], -1 where there is none; sets `classes_`."""
    rows, labels = validate_data(estimator, X, y, dtype=np.float32, ensure_min_samples=2)
    check_classification_targets(labels)
    known = np.ones(len(labels), bool) if labels.dtype.kind in "OUS" else labels != UNLABELLED
    if not known.any():
        raise ValueError("y holds no label: all of them are -1")
    estimator.classes_, codes = np.unique(labels[known], return_inverse=True)
    whole = np.full(len(labels), UNLABELLED, np.int64)
    whole[known] = codes
    return _unit(rows), whole


def _unit(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), np.float32)


def _graph(rows: npt.NDArray[np.float32], neighbors: int, seed: int) -> KnnGraph:
    if neighbors < 1:
        raise ValueError(f"n_neighbors is {neighbors}: wanted at least 1")
    return knn_graph(rows, k=min(neighbors, len(rows) - 1), seed=seed)


def _seed(random_state: Any) -> int:
    return int(check_random_state(random_state).randint(2**31 - 1))
