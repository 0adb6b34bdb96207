from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from curator.errors import CuratorError
from curator.propagation import propagate
from curator.queries import expected_gain
from curator.queries._learning_curve import _fitted, usable
from tests.science._data import Data, blobs, digits


def drawn(data: Data, count: int, seed: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng(seed).permutation(data.n)[:count]


def accuracy(data: Data, ids: npt.NDArray[np.int64]) -> float:
    labels = data.labels(ids)
    right = propagate(data.graph, labels, n_classes=10).predictions == data.classes
    return float(right[labels < 0].mean())


@pytest.mark.parametrize("exponent", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("floor", [0.0, 0.1])
def test_a_power_law_is_found_again(exponent: float, floor: float) -> None:
    sizes = np.linspace(20.0, 140.0, 7)
    wanted = np.array([160.0, 260.0])
    errors = np.asarray(floor + 0.8 * sizes**-exponent, np.float64)
    found = _fitted(sizes, errors[None], wanted)[0]
    np.testing.assert_allclose(found, floor + 0.8 * wanted**-exponent, atol=2e-3)


def test_errors_that_do_not_fall_promise_nothing() -> None:
    sizes, errors = np.linspace(20.0, 140.0, 7), np.full((1, 7), 0.3)
    now, then = _fitted(sizes, errors, np.array([160.0, 260.0]))[0]
    assert now == pytest.approx(0.3)
    assert then == pytest.approx(0.3)


def test_the_interval_holds_the_mean_of_what_labels_then_gain() -> None:
    data = digits()
    picks = [drawn(data, 160, seed) for seed in range(12)]
    gained = np.mean([accuracy(data, ids) - accuracy(data, ids[:60]) for ids in picks])
    gains = [expected_gain(data.graph, data.labels(ids[:60]), n_classes=10) for ids in picks]
    assert np.mean([gain.low <= gained <= gain.high for gain in gains]) >= 0.75
    assert np.mean([gain.estimate for gain in gains]) == pytest.approx(gained, abs=0.015)
    assert np.mean([gain.accuracy for gain in gains]) == pytest.approx(0.94, abs=0.03)


def test_more_labels_gain_more_and_later_ones_less() -> None:
    data = digits()
    early, late = (data.labels(drawn(data, count, 5)) for count in (60, 600))
    some, many = (expected_gain(data.graph, early, more=more) for more in (50, 500))
    assert 0 < some.estimate < many.estimate
    assert expected_gain(data.graph, late).estimate < some.estimate


def test_laws_of_the_result() -> None:
    data = digits()
    labels = data.labels(drawn(data, 100, 0))
    gain, again = (expected_gain(data.graph, labels, seed=3) for _ in range(2))
    assert 0 <= gain.low <= gain.estimate <= gain.high <= 1
    assert gain == again
    assert (np.diff(gain.sizes) > 0).all()
    assert gain.sizes[-1] < 100
    assert all(0 <= error <= 1 for error in gain.errors)


def test_no_more_than_all_can_be_labelled() -> None:
    data = blobs()
    assert expected_gain(data.graph, data.labels(np.arange(0, data.n - 3))).more == 3


def test_only_labels_of_which_there_are_two_count() -> None:
    labels = np.full(100, -1)
    labels[:49] = np.arange(49) % 2
    assert len(usable(labels)) == 0
    labels[49] = 2
    assert len(usable(labels)) == 0
    labels[50] = 2
    assert len(usable(labels)) == 51
    assert len(usable(np.zeros(100, np.int64))) == 0
    assert len(usable(np.full(100, -1))) == 0


@pytest.mark.parametrize(
    ("count", "options", "message"),
    [
        (10, {}, "wanted at least 50"),
        (0, {}, "too few labels"),
        (60, {"more": 0}, "more is 0"),
        (60, {"more": 2.5}, "more is 2.5"),
        (60, {"more": True}, "more is True"),
    ],
)
def test_what_cannot_be_said_is_refused(count: int, options: dict[str, Any], message: str) -> None:
    data = digits()
    with pytest.raises(CuratorError, match=message):
        expected_gain(data.graph, data.labels(drawn(data, count, 0)), **options)
