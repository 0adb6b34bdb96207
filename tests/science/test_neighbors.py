from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from curator.errors import CuratorError
from curator.neighbors import knn_accuracy, leave_one_out_accuracy, weighted_vote
from tests.science._data import Data, blobs, digits, of


def slow_vote(
    data: Data, labels: npt.NDArray[np.int64], n_classes: int, k: int, temperature: float
) -> npt.NDArray[np.float64]:
    """The documented rule, one neighbour at a time; for data without copies."""
    shares = np.zeros((data.n, n_classes))
    for row in range(data.n):
        near = [(j, s) for j, s in zip(data.graph.neighbors[row], data.graph.similarities[row], strict=True)]
        for neighbor, similarity in [pair for pair in near if labels[pair[0]] >= 0][:k]:
            shares[row, labels[neighbor]] += np.exp(similarity / temperature)
    total = shares.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(shares, total, out=shares, where=total > 0))


@pytest.mark.parametrize("k", [1, 4, 15, 99])
@pytest.mark.parametrize("every", [1, 3, 40])
def test_vote_equals_a_slow_one(k: int, every: int) -> None:
    data = blobs(spread=0.4)
    labels = data.labels(np.arange(0, data.n, every))
    shares = weighted_vote(data.graph, labels, 5, k=k, temperature=0.2)
    np.testing.assert_allclose(shares, slow_vote(data, labels, 5, k, 0.2), atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(row=st.integers(0, 239), label=st.integers(-1, 3))
def test_own_label_has_no_part_in_the_own_vote(row: int, label: int) -> None:
    data = blobs(spread=0.4)
    changed = data.classes.copy()
    changed[row] = label
    before, after = (weighted_vote(data.graph, labels, 4) for labels in (data.classes, changed))
    np.testing.assert_array_equal(before[row], after[row])


def test_a_burst_of_copies_is_one_voter() -> None:
    """Six copies wrongly labelled 1 beside single images labelled 0: they vote as one."""
    angles = np.array([0.3] * 6 + [0.4, 0.5, 0.6, 0.0])
    data = of(np.column_stack([np.cos(angles), np.sin(angles)]), [1] * 6 + [0] * 4, k=9)
    once = of(data.embeddings[5:], data.classes[5:], k=4)
    shares, wanted = (weighted_vote(part.graph, part.classes, temperature=1.0) for part in (data, once))
    np.testing.assert_allclose(shares[-1], wanted[-1], atol=1e-5)


def test_copies_take_one_of_the_k_places() -> None:
    angles = np.array([0.3] * 6 + [0.4, 0.5, 0.6, 0.0])
    data = of(np.column_stack([np.cos(angles), np.sin(angles)]), [1] * 6 + [0, 2, 2, 0], k=9)
    shares = weighted_vote(data.graph, data.classes, k=2, temperature=1.0)
    assert shares[-1, 0] > 0.4
    assert shares[-1, 2] == 0


def test_nobody_votes_where_no_neighbour_is_labelled() -> None:
    data = blobs()
    shares = weighted_vote(data.graph, data.labels([0]), 2)
    assert not shares[60:].any()
    assert not shares[0].any()


def test_distrusted_voters_count_for_nothing() -> None:
    data = blobs(spread=0.4)
    trust = np.ones(data.n)
    trust[::2] = 0
    labels = data.labels(np.arange(1, data.n, 2))
    np.testing.assert_allclose(
        weighted_vote(data.graph, data.classes, 4, k=15, trust=trust),
        weighted_vote(data.graph, labels, 4, k=15),
        atol=1e-6,
    )


@pytest.mark.parametrize("options", [{"k": 0}, {"temperature": 0.0}])
def test_bad_parameters_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(CuratorError, match="wanted"):
        weighted_vote(blobs().graph, blobs().classes, **options)


def unit(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def weigh(distances: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.exp((1 - distances**2 / 2) / 0.1))


def test_knn_accuracy_equals_scikit_learn() -> None:
    data = digits()
    train, test = unit(data.embeddings[:1000]), unit(data.embeddings[1000:])
    classifier = KNeighborsClassifier(20, weights=weigh, algorithm="brute").fit(train, data.classes[:1000])
    wanted = classifier.score(test, data.classes[1000:])
    found = knn_accuracy(
        data.embeddings[:1000], data.classes[:1000], data.embeddings[1000:], data.classes[1000:]
    )
    assert found == pytest.approx(wanted, abs=2e-3)


def test_leave_one_out_accuracy_equals_the_vote_on_an_exact_graph() -> None:
    data = digits()
    wanted = (weighted_vote(data.graph, data.classes, k=20).argmax(axis=1) == data.classes).mean()
    assert leave_one_out_accuracy(data.embeddings, data.classes) == pytest.approx(wanted, abs=2e-3)


def test_leave_one_out_accuracy_looks_at_labelled_rows_only() -> None:
    data = digits()
    labels = data.labels(np.arange(0, data.n, 3))
    alone = leave_one_out_accuracy(data.embeddings[::3], data.classes[::3])
    assert leave_one_out_accuracy(data.embeddings, labels) == alone


def test_leave_one_out_accuracy_of_noise_is_chance_and_of_a_sample_is_seeded() -> None:
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(2000, 8)), rng.integers(0, 4, 2000)
    first, second = (leave_one_out_accuracy(rows, labels, max_rows=1000, seed=1) for _ in range(2))
    assert first == second
    assert 0.2 < first < 0.3


def test_copies_of_the_row_itself_are_not_left_out() -> None:
    rows = np.repeat(np.eye(4), 2, axis=0)
    assert leave_one_out_accuracy(rows, np.repeat(np.arange(4), 2), k=1) == 1


@pytest.mark.parametrize("labels", [[-1, -1, -1], [0, -1, -1]])
def test_accuracy_needs_two_labels(labels: list[int]) -> None:
    with pytest.raises(CuratorError, match="at least 2"):
        leave_one_out_accuracy(np.eye(3), labels)


def test_accuracy_needs_rows() -> None:
    with pytest.raises(CuratorError, match="at least one of each"):
        knn_accuracy(np.eye(3), [0, 1, 2], np.empty((0, 3)), np.empty(0, np.int64))
