"""Estimators keep scikit-learn's contract, and say what the functions behind them say."""

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer
from sklearn.semi_supervised import LabelSpreading
from sklearn.utils.estimator_checks import check_estimator

import curator
from curator.estimators import LabelAuditor, LabelPropagator

EXEMPT = {"check_classifiers_classes": "-1 stands for no label, as in sklearn.semi_supervised"}


class Renamed(LabelSpreading):  # type: ignore[misc]
    """scikit-learn's own estimator of the same kind."""


@pytest.fixture(scope="module")
def digits() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """600 images of digits as rows, with their classes."""
    bunch = load_digits()
    return bunch.data[:600].astype(np.float32), bunch.target[:600]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_auditor_keeps_the_contract_of_scikit_learn() -> None:
    check_estimator(LabelAuditor())


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_propagator_keeps_the_contract_of_scikit_learn() -> None:
    """All of it but one, which takes -1 for a class."""
    results = check_estimator(LabelPropagator(), expected_failed_checks=EXEMPT)
    assert [each["check_name"] for each in results if each["status"] == "xfail"] == [*EXEMPT]


@pytest.mark.filterwarnings("ignore")
def test_the_same_check_fails_scikit_learns_own_under_another_name() -> None:
    """Its check passes over LabelSpreading by that name; there is no tag to declare."""
    results = check_estimator(Renamed(max_iter=5), on_fail=None)
    assert [each["check_name"] for each in results if each["status"] == "failed"] == [*EXEMPT]


def test_new_rows_are_told_apart_as_well_as_by_their_neighbours(digits: Any) -> None:
    rows, truth = digits
    names = np.array([f"digit {code}" for code in range(10)])[truth]
    scores = [
        make_pipeline(Normalizer(), model).fit(rows[:400], names[:400]).score(rows[400:], names[400:])
        for model in (LabelPropagator(n_neighbors=20), KNeighborsClassifier(5))
    ]
    assert scores[0] > scores[1] - 0.02


def test_copied_estimator_says_the_same(digits: Any) -> None:
    rows, truth = digits
    model = LabelPropagator(n_neighbors=20).fit(rows[:400], truth[:400])
    again = copy.deepcopy(model)
    np.testing.assert_array_equal(again.predict_proba(rows), model.predict_proba(rows))


def test_few_labels_reach_the_rest(digits: Any) -> None:
    rows, truth = digits
    labels = np.where(np.arange(600) < 60, truth, -1)
    model = LabelPropagator(n_neighbors=20).fit(rows, labels)
    assert (model.transduction_[60:] == truth[60:]).mean() > 0.8
    assert (model.predict(rows) == model.transduction_).mean() > 0.95
    np.testing.assert_allclose(model.predict_proba(rows).sum(axis=1), 1)


def test_planted_errors_are_found(digits: Any) -> None:
    rows, truth = digits
    labels = truth.copy()
    wrong = np.random.default_rng(0).choice(600, 30, replace=False)
    labels[wrong] = (labels[wrong] + 1) % 10
    auditor = clone(LabelAuditor(n_neighbors=20))
    found = np.flatnonzero(auditor.fit_predict(rows, labels))
    assert len(np.intersect1d(found, wrong)) >= 20
    assert (auditor.suggested_labels_[wrong] == truth[wrong]).mean() > 0.6
    assert isinstance(auditor.report_, curator.AuditReport)


@pytest.mark.parametrize("estimator", [LabelPropagator, LabelAuditor])
def test_wrong_parameters_are_told_in_fit(estimator: Any, digits: Any) -> None:
    rows, truth = digits
    with pytest.raises(ValueError, match="n_neighbors is 0"):
        estimator(n_neighbors=0).fit(rows, truth)
    with pytest.raises(ValueError, match="no label"):
        estimator().fit(rows, np.full(600, -1))
