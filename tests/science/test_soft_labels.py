from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.errors import CuratorError
from curator.propagation import SoftLabels, propagate
from tests.science._data import (
    blobs,
    digits,
)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_updates_equal_a_full_solve(draw: st.DataObject) -> None:
    data = blobs(size=25, classes=3, spread=0.4)
    labels = data.labels([0, 30, 60])
    soft = propagate(data.graph, labels, n_classes=4)
    change = st.lists(
        st.tuples(st.integers(1, data.n - 1), st.integers(-1, 3)), max_size=8, unique_by=lambda pair: pair[0]
    )
    for changes in draw.draw(st.lists(change, min_size=1, max_size=5)):
        ids = np.array([row for row, _ in changes], np.int64)
        given_labels = np.array([label for _, label in changes], np.int64)
        soft.update(ids, given_labels)
        labels[ids] = given_labels
    anew = propagate(data.graph, labels, n_classes=4, alpha=soft.alpha, calibration=soft.calibration)
    assert_same(soft, anew)


def assert_same(soft: SoftLabels, anew: SoftLabels) -> None:
    np.testing.assert_array_equal(soft.labels, anew.labels)
    np.testing.assert_allclose(soft.probabilities, anew.probabilities, atol=1e-4)
    np.testing.assert_allclose(soft.confidence, anew.confidence, atol=1e-4)
    np.testing.assert_array_equal(soft.reachable, anew.reachable)


def test_update_takes_a_single_label_and_withdraws_it_again() -> None:
    data = blobs()
    soft = propagate(data.graph, data.labels([0, 70, 130, 200]))
    before = soft.probabilities.copy()
    soft.update(100, 3)
    assert soft.predictions[100] == 3
    assert np.abs(soft.probabilities - before).max() > 0.1
    soft.update(100, -1)
    np.testing.assert_allclose(soft.probabilities, before, atol=1e-4)


def test_the_order_of_rows_inside_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    data = blobs(spread=0.3)
    labels = data.labels([0, 70, 130, 200])
    before = propagate(data.graph, labels, embeddings=data.embeddings)
    monkeypatch.setattr("curator.propagation.diffusion.FITS_CACHE", 10)
    soft = propagate(data.graph, labels, embeddings=data.embeddings)
    assert_same(soft, before)
    monkeypatch.setattr("curator.propagation.soft_labels.PUSHED_EDGES", 0)
    before.update([10, 90], [0, 1])
    soft.update([10, 90], [0, 1])
    soft.settle()
    np.testing.assert_allclose(soft.probabilities, before.probabilities, atol=1e-3)


@pytest.fixture
def always_local(monkeypatch: pytest.MonkeyPatch) -> None:
    """Updates by pushes, however small the graph."""
    monkeypatch.setattr("curator.propagation.soft_labels.PUSHED_EDGES", 0)


@pytest.mark.usefixtures("always_local")
def test_local_updates_agree_with_a_full_solve_and_settle_to_it() -> None:
    data = digits()
    labels = data.labels(np.arange(0, data.n, 10))
    soft = propagate(data.graph, labels)
    assert soft.settled
    for row in range(5, 105, 10):
        soft.update(row, data.classes[row])
        labels[row] = data.classes[row]
    anew = propagate(data.graph, labels, alpha=soft.alpha, calibration=soft.calibration)
    assert not soft.settled
    assert (soft.predictions == anew.predictions).mean() > 0.999
    np.testing.assert_allclose(soft.probabilities.sum(axis=1), 1, atol=1e-5)
    soft.settle()
    assert soft.settled
    assert_same(soft, anew)


@pytest.mark.usefixtures("always_local")
def test_a_local_update_that_brings_a_class_or_a_component_its_first_label_is_seen_everywhere() -> None:
    data = blobs(spread=0.05)
    soft = propagate(data.graph, data.labels([0]), n_classes=4)
    assert not soft.reachable[100]
    soft.update([100, 7], [1, 2])
    assert soft.reachable[data.classes == data.classes[100]].all()
    alike = np.flatnonzero(data.classes == data.classes[0])
    assert (soft.probabilities[alike[1:], 2] > 0).all()
    soft.update([100, 7], [-1, -1])
    assert not soft.reachable[100]
    np.testing.assert_array_equal(soft.probabilities[:, 2], 0)


def test_neither_the_labels_given_nor_the_callers_array_change() -> None:
    data = blobs()
    labels = data.labels([0, 70])
    propagate(data.graph, labels).update([5], [1])
    np.testing.assert_array_equal(labels, data.labels([0, 70]))


@pytest.mark.parametrize(
    ("ids", "labels", "message"),
    [
        ([240], [0], "from 0 to 239"),
        ([-1], [0], "from 0 to 239"),
        ([1, 1], [0, 1], "more than once"),
        ([1.5], [0], "wanted integers"),
        ([1], [4], "wanted at most 3"),
        ([1], [0, 1], "wanted"),
        ([0, 70, 130, 200], [-1, -1, -1, -1], "no label"),
    ],
)
def test_a_bad_update_is_refused_and_changes_nothing(ids: list[Any], labels: list[int], message: str) -> None:
    data = blobs()
    soft = propagate(data.graph, data.labels([0, 70, 130, 200]))
    before = soft.probabilities.copy()
    with pytest.raises(CuratorError, match=message):
        soft.update(ids, labels)
    np.testing.assert_array_equal(soft.probabilities, before)
    np.testing.assert_array_equal(soft.labels, data.labels([0, 70, 130, 200]))


def test_a_class_that_comes_later_is_not_held_back_by_the_classifier() -> None:
    data = blobs()
    soft = propagate(data.graph, data.labels([0, 70, 130]), embeddings=data.embeddings, n_classes=4)
    soft.update([200, 210], [3, 3])
    assert (soft.predictions == data.classes).mean() > 0.95
