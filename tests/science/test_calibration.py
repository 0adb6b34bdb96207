from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from curator.propagation import Calibration, propagate
from tests.science._data import (
    digits,
    expected,
    of,
)


@pytest.mark.parametrize("classifier", [False, True])
def test_of_very_many_labels_one_fold_is_held_out(
    monkeypatch: pytest.MonkeyPatch, *, classifier: bool
) -> None:
    monkeypatch.setattr("curator.propagation._MOST_HELD_OUT", 100)
    data = digits()
    labels = data.labels(np.random.default_rng(0).choice(data.n, 800, replace=False))
    soft = propagate(data.graph, labels, embeddings=data.embeddings if classifier else None)
    rest = labels < 0
    assert soft.calibration.held_out == 100
    assert calibration_error(soft.confidence[rest], (soft.predictions == data.classes)[rest]) < 0.05
    if not classifier:
        np.testing.assert_allclose(soft.probabilities, expected(data, soft, 10), atol=1e-4)


def test_cross_validation_leaves_the_solution_as_it_is() -> None:
    data = digits()
    labels = data.labels(np.arange(0, data.n, 10))
    soft = propagate(data.graph, labels)
    assert soft.calibrated
    wanted = expected(data, soft, 10)
    np.testing.assert_allclose(soft.probabilities, wanted, atol=1e-4)


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


def test_a_classifier_is_calibrated_with_the_rest() -> None:
    data = digits()
    labels = data.labels(np.random.default_rng(0).choice(data.n, 300, replace=False))
    soft = propagate(data.graph, labels, embeddings=data.embeddings)
    rest = labels < 0
    assert soft.calibrated
    assert soft.calibration.head_weight > 0
    assert calibration_error(soft.confidence[rest], (soft.predictions == data.classes)[rest]) < 0.05
