from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from curator.errors import CuratorError
from curator.propagation import Calibration, propagate
from curator.propagation._discriminant import smoothed_head
from curator.propagation.diffusion import Diffusion
from curator_indexes import affinity, knn_graph, normalized
from tests.science._data import (
    Data,
    blobs,
    dense_diffusion,
    digits,
    expected,
    identical,
    of,
    shared_file,
    single,
)

Labels = npt.NDArray[np.int64]


@pytest.mark.parametrize("calibration", [Calibration(), Calibration(2.0, 1.0), Calibration(0.7, -0.3)])
def test_equals_a_dense_solver(calibration: Calibration) -> None:
    data = blobs(size=30, classes=3, spread=0.35)
    labels = data.labels([0, 1, 31, 60, 61, 62])
    soft = propagate(data.graph, labels, n_classes=4, calibration=calibration)
    np.testing.assert_allclose(soft.probabilities, expected(data, soft, 4), atol=1e-4)


def test_many_classes_equal_a_dense_solver() -> None:
    """More classes than are solved at once."""
    data = blobs(size=30, classes=3, spread=0.35)
    labels = data.unlabelled
    labels[:80] = np.arange(80)
    soft = propagate(data.graph, labels, calibration=Calibration())
    np.testing.assert_allclose(soft.probabilities, expected(data, soft, 80), atol=1e-4)


@pytest.mark.parametrize(("labelled", "alpha"), [(1, 0.98), (30, 0.925), (80, 0.8), (2000, 0.8)])
def test_the_more_labels_the_less_far_they_spread(labelled: int, alpha: float) -> None:
    data = blobs(size=600)
    assert propagate(data.graph, data.labels(np.arange(labelled))).alpha == pytest.approx(alpha)


@pytest.mark.parametrize("data", [blobs(), digits(), identical(), single()])
def test_probabilities_are_probabilities(data: Data) -> None:
    labels = data.labels([0])
    soft = propagate(data.graph, labels, n_classes=10)
    assert soft.probabilities.dtype == np.float32
    assert soft.probabilities.shape == (data.n, 10)
    np.testing.assert_allclose(soft.probabilities.sum(axis=1), 1, atol=1e-5)
    assert (soft.probabilities >= 0).all()
    assert not soft.probabilities[:, 1:].any(), "a class without a label"
    assert soft.predictions[0] == 0
    assert soft.confidence[0] == 1


def test_well_separated_classes_are_found_from_a_label_each() -> None:
    data = blobs()
    soft = propagate(data.graph, data.labels([0, 60, 120, 180]))
    np.testing.assert_array_equal(soft.predictions, data.classes)


def test_class_sizes_and_label_counts_do_not_tip_the_scales() -> None:
    """One label against thirty: plain diffusion gives almost all rows to the class with thirty."""
    data = blobs()
    soft = propagate(data.graph, data.labels([*range(30), 60, 120, 180]))
    assert (soft.predictions == data.classes).mean() > 0.99


def test_rows_that_no_label_reaches_are_told_apart() -> None:
    rows = np.vstack([np.eye(4)[0] + 0.01 * np.eye(4)[i % 2] for i in range(6)] + [np.eye(4)[3]] * 6)
    data = of(rows, [0] * 6 + [1] * 6, k=3)
    labels = data.unlabelled
    labels[:2] = 0, 1
    soft = propagate(data.graph, labels)
    np.testing.assert_array_equal(soft.reachable, [True] * 6 + [False] * 6)
    np.testing.assert_array_equal(soft.confidence[6:], 0)
    np.testing.assert_allclose(soft.probabilities[6:], 0.5, atol=1e-6)
    soft.update([7], [1])
    assert soft.reachable.all()
    np.testing.assert_array_equal(soft.predictions[6:], 1)


def test_permuted_rows_give_permuted_results() -> None:
    data = digits()
    order = np.random.default_rng(3).permutation(data.n)
    labels = data.labels(np.arange(0, data.n, 50))
    calibration = Calibration(3.0, 0.5)
    here = propagate(data.graph, labels, calibration=calibration)
    there = propagate(knn_graph(data.embeddings[order], 30), labels[order], calibration=calibration)
    np.testing.assert_allclose(there.probabilities, here.probabilities[order], atol=1e-4)


def test_same_seed_same_bytes() -> None:
    data = digits()
    labels = data.labels(np.arange(0, data.n, 20))
    first, second = (propagate(data.graph, labels, seed=5) for _ in range(2))
    assert first.probabilities.tobytes() == second.probabilities.tobytes()


def test_takes_any_object_with_neighbors_and_similarities() -> None:
    data = blobs()
    labels = data.labels([0, 60, 120, 180])
    plain = SimpleNamespace(
        neighbors=data.graph.neighbors.astype(np.int64),
        similarities=data.graph.similarities.astype(np.float64),
    )
    np.testing.assert_array_equal(
        propagate(plain, labels).probabilities, propagate(data.graph, labels).probabilities
    )


@pytest.mark.parametrize(
    ("labels", "n_classes", "message"),
    [
        ([-1] * 240, None, "no label to propagate"),
        ([0] * 239, None, r"wanted \(240,\)"),
        ([0.0] * 240, None, "wanted integers"),
        ([-2] + [0] * 239, None, "row 0 has label -2"),
        ([0] * 239 + [3], 3, "row 239 has label 3"),
        ([0] * 240, 0, "n_classes is 0"),
    ],
)
def test_bad_labels_are_refused(labels: list[Any], n_classes: int | None, message: str) -> None:
    with pytest.raises(CuratorError, match=message):
        propagate(blobs().graph, labels, n_classes=n_classes)


@pytest.mark.parametrize(
    ("neighbors", "similarities", "message"),
    [
        ([[1], [2]], [[1.0], [1.0]], "wanted ids from 0 to 1"),
        ([[1], [1]], [[1.0], [1.0]], "row 1 is its own neighbour"),
        ([[1], [0]], [[1.0], [np.nan]], "NaN"),
        ([[1], [0]], [[1.0, 1.0]], "same"),
        ([[1.0], [0.0]], [[1.0], [1.0]], "integers"),
    ],
)
def test_bad_graphs_are_refused(neighbors: Any, similarities: Any, message: str) -> None:
    graph = SimpleNamespace(neighbors=np.array(neighbors), similarities=np.array(similarities))
    with pytest.raises(CuratorError, match=message):
        propagate(graph, [0, -1])


def test_something_else_is_refused() -> None:
    nothing: Any = object()
    with pytest.raises(CuratorError, match="knn_graph"):
        propagate(nothing, [0])


@pytest.mark.parametrize("options", [{"alpha": 1.0}, {"alpha": 0.0}, {"k": 0}, {"gamma": 0.0}])
def test_bad_parameters_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(CuratorError, match="wanted"):
        propagate(blobs().graph, blobs().labels([0]), **options)


def test_beats_plain_diffusion_on_real_embeddings() -> None:
    stored = np.load(shared_file("reference-embeddings.npz"))
    rows = slice(0, 50_000, 10)
    data = of(stored["train"][rows], stored["train_labels"][rows], k=20)
    rng = np.random.default_rng(0)
    picked = np.concatenate(
        [rng.choice(np.flatnonzero(data.classes == c), 5, replace=False) for c in range(10)]
    )
    labels = data.labels(picked)
    soft = propagate(data.graph, labels)
    plain = dense_diffusion(data.graph, labels, 10, k=20, alpha=0.99, gamma=3).argmax(axis=1)
    accuracy = [(found == data.classes)[labels < 0].mean() for found in (soft.predictions, plain)]
    assert accuracy[0] > accuracy[1] + 0.03
    assert accuracy[0] > 0.7


def test_a_classifier_helps_on_real_embeddings() -> None:
    stored = np.load(shared_file("reference-embeddings.npz"))
    rows = slice(0, 50_000, 10)
    data = of(stored["train"][rows], stored["train_labels"][rows], k=20)
    for each, least in ((1, 0.02), (5, 0.01)):
        gains = []
        for seed in range(3):
            rng = np.random.default_rng(seed)
            picked = [rng.choice(np.flatnonzero(data.classes == c), each, replace=False) for c in range(10)]
            labels = data.labels(np.concatenate(picked))
            both = (
                propagate(data.graph, labels),
                propagate(data.graph, labels, embeddings=data.embeddings),
            )
            alone, helped = ((soft.predictions == data.classes)[labels < 0].mean() for soft in both)
            gains.append(helped - alone)
        assert np.mean(gains) > least


def test_the_classifier_is_the_formula() -> None:
    """Log odds of classes with one covariance, shrunk; written out with a dense solver."""
    data = digits()
    labels = data.labels(np.arange(0, data.n, 60))
    guess = np.random.default_rng(0).dirichlet(np.ones(10), data.n).astype(np.float32)
    rows = data.embeddings / np.linalg.norm(data.embeddings, axis=1, keepdims=True)
    diffusion = Diffusion(data.graph, k=20, gamma=3.0, alpha=0.98)
    centers = guess.T @ rows / guess.sum(axis=0)[:, None]
    spread = [guess[:, c, None] * (rows - centers[c]) for c in range(10)]
    within = sum(part.T @ (rows - centers[c]) for c, part in enumerate(spread)) / data.n
    within = 0.9 * within + 0.1 * np.trace(within) / 64 * np.eye(64)
    away = [np.einsum("nd,dn->n", rows - c, np.linalg.solve(within, (rows - c).T)) for c in centers]
    odds = np.exp(-0.25 * np.stack(away, axis=1))
    odds /= odds.sum(axis=1, keepdims=True)
    given_rows = labels >= 0
    odds[given_rows] = np.eye(10)[labels[given_rows]]
    matrix = normalized(affinity(data.graph, k=20, gamma=3.0)).toarray()
    wanted = np.linalg.solve(np.eye(data.n) - 0.9 * matrix, odds)
    wanted /= wanted.sum(axis=1, keepdims=True)
    found = smoothed_head(diffusion, rows.astype(np.float32), guess, labels)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_embeddings_of_another_length_are_refused() -> None:
    data = blobs()
    with pytest.raises(CuratorError, match="the graph has 240 rows"):
        propagate(data.graph, data.labels([0, 70]), embeddings=data.embeddings[1:])
