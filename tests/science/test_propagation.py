from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator._diffusion import Diffusion
from curator._discriminant import smoothed_head
from curator.errors import CuratorError
from curator.propagation import Calibration, SoftLabels, propagate
from curator_indexes import affinity, knn_graph, normalized
from tests.science._data import Data, blobs, dense_diffusion, digits, identical, of, shared_file, single

Labels = npt.NDArray[np.int64]


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


def test_cross_validation_leaves_the_solution_as_it_is() -> None:
    data = digits()
    labels = data.labels(np.arange(0, data.n, 10))
    soft = propagate(data.graph, labels)
    assert soft.calibrated
    wanted = expected(data, soft, 10)
    np.testing.assert_allclose(soft.probabilities, wanted, atol=1e-4)


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


@pytest.mark.parametrize(("labelled", "alpha"), [(1, 0.98), (30, 0.925), (80, 0.8), (2000, 0.8)])
def test_the_more_labels_the_less_far_they_spread(labelled: int, alpha: float) -> None:
    data = blobs(size=600)
    assert propagate(data.graph, data.labels(np.arange(labelled))).alpha == pytest.approx(alpha)


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
    monkeypatch.setattr("curator._diffusion.FITS_CACHE", 10)
    soft = propagate(data.graph, labels, embeddings=data.embeddings)
    assert_same(soft, before)
    monkeypatch.setattr("curator.soft_labels.PUSHED_EDGES", 0)
    before.update([10, 90], [0, 1])
    soft.update([10, 90], [0, 1])
    soft.settle()
    np.testing.assert_allclose(soft.probabilities, before.probabilities, atol=1e-3)


@pytest.fixture
def always_local(monkeypatch: pytest.MonkeyPatch) -> None:
    """Updates by pushes, however small the graph."""
    monkeypatch.setattr("curator.soft_labels.PUSHED_EDGES", 0)


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


def test_confidence_is_calibrated_on_digits() -> None:
    data = digits()
    labels = data.labels(np.random.default_rng(0).choice(data.n, 300, replace=False))
    soft = propagate(data.graph, labels)
    rest = labels < 0
    assert soft.calibrated
    assert calibration_error(soft.confidence[rest], (soft.predictions == data.classes)[rest]) < 0.05


def test_too_few_labels_to_measure_are_said_to_be() -> None:
    data = digits()
    soft = propagate(data.graph, data.labels(np.arange(40)))
    assert not soft.calibrated
    assert np.isnan(soft.confidence_margin)


def test_the_margin_of_confidence_holds_in_nineteen_of_twenty_draws() -> None:
    data, held = digits(), []
    for seed in range(40):
        labels = data.labels(np.random.default_rng(seed).choice(data.n, 80, replace=False))
        soft = propagate(data.graph, labels)
        accuracy = (soft.predictions == data.classes)[labels < 0].mean()
        held.append(abs(soft.mean_confidence - accuracy) <= soft.confidence_margin)
    assert np.mean(held) > 0.95 - 2 * (0.95 * 0.05 / len(held)) ** 0.5


def test_more_labels_narrow_the_margin() -> None:
    data = digits()
    few, many = (propagate(data.graph, data.labels(np.arange(count))) for count in (100, 900))
    assert 0 < many.confidence_margin < few.confidence_margin < 0.1


def calibration_error(confidence: npt.NDArray[np.float32], right: npt.NDArray[np.bool_]) -> float:
    bins = np.clip((confidence * 10).astype(int), 0, 9)
    gaps = [
        (bins == i).mean() * abs(confidence[bins == i].mean() - right[bins == i].mean())
        for i in np.unique(bins)
    ]
    return float(sum(gaps))


def test_prior_of_rare_classes_is_learned() -> None:
    """Half of the digits are 0 and 1; with labels drawn at random their share is known."""
    data = digits()
    rng = np.random.default_rng(0)
    common = np.flatnonzero(data.classes < 2)
    rare = rng.choice(np.flatnonzero(data.classes >= 2), 60, replace=False)
    rows = np.sort(np.concatenate([common, rare]))
    part = of(data.embeddings[rows], data.classes[rows], k=30)
    labels = part.labels(rng.choice(part.n, 150, replace=False))
    fitted = propagate(part.graph, labels)
    uniform = propagate(part.graph, labels, calibration=Calibration(fitted.calibration.sharpness, 0.0))
    rest = labels < 0
    right = [(soft.predictions == part.classes)[rest].mean() for soft in (fitted, uniform)]
    assert fitted.calibration.prior_weight > 0
    assert right[0] >= right[1]


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


def test_a_classifier_is_calibrated_with_the_rest() -> None:
    data = digits()
    labels = data.labels(np.random.default_rng(0).choice(data.n, 300, replace=False))
    soft = propagate(data.graph, labels, embeddings=data.embeddings)
    rest = labels < 0
    assert soft.calibrated
    assert soft.calibration.head_weight > 0
    assert calibration_error(soft.confidence[rest], (soft.predictions == data.classes)[rest]) < 0.05


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


def test_a_class_that_comes_later_is_not_held_back_by_the_classifier() -> None:
    data = blobs()
    soft = propagate(data.graph, data.labels([0, 70, 130]), embeddings=data.embeddings, n_classes=4)
    soft.update([200, 210], [3, 3])
    assert (soft.predictions == data.classes).mean() > 0.95


def test_embeddings_of_another_length_are_refused() -> None:
    data = blobs()
    with pytest.raises(CuratorError, match="the graph has 240 rows"):
        propagate(data.graph, data.labels([0, 70]), embeddings=data.embeddings[1:])
