"""Replays: what is asked for has an answer and is never tested on; random is a fair yardstick."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curator.errors import CuratorError
from curator.pictures.plots import check_plot, plot_simulation
from curator.planning.simulation import default_budgets, replay, revealed, simulate
from curator.queries import STRATEGIES
from tests.science._data import blobs, digits


@pytest.mark.parametrize("strategy", ["auto", *STRATEGIES])
def test_every_strategy_can_be_replayed(strategy: str) -> None:
    data = blobs()
    labels = data.classes.copy()
    labels[::3] = -1
    pool = np.flatnonzero(labels >= 0)[::2]
    budgets = [4, 8, 20]
    options = {"strategy": strategy, "embeddings": data.embeddings, "n_classes": 4, "seed": 0}
    orders = list(replay(data.graph, labels, pool, budgets, **options))  # type: ignore[arg-type]
    assert [len(order) for order in orders] == budgets
    assert len(np.unique(orders[-1])) == 20
    assert np.isin(orders[-1], pool).all()
    for earlier, later in itertools.pairwise(orders):
        np.testing.assert_array_equal(earlier, later[: len(earlier)])
    np.testing.assert_array_equal(np.flatnonzero(revealed(labels, orders[0]) >= 0), np.sort(orders[0]))


def test_more_labels_and_better_strategies_are_seen_to_be_better() -> None:
    data = digits()
    found = simulate(
        data.graph,
        data.classes,
        strategies=("auto", "random"),
        budgets=[10, 50, 200],
        embeddings=data.embeddings,
    )
    assert found.accuracy.shape == (2, 3, 3)
    assert (np.diff(found.mean, axis=1) > 0).all()
    assert found.mean[0, 0] > found.mean[1, 0], "the cold start is chosen better than at random"
    assert ((found.standard_error >= 0) & (found.standard_error < 0.2)).all()
    again = simulate(
        data.graph,
        data.classes,
        strategies=("auto", "random"),
        budgets=[10, 50, 200],
        embeddings=data.embeddings,
    )
    np.testing.assert_array_equal(found.accuracy, again.accuracy)


def test_wrong_labels_cannot_be_learned() -> None:
    """An oracle against leaks from the held-out part: labels at random give accuracy by chance."""
    data = digits()
    labels = np.random.default_rng(0).integers(0, 10, data.n)
    found = simulate(data.graph, labels, strategies=("random",), budgets=[1000], seeds=2)
    assert found.mean[0, 0] < 0.2


@pytest.mark.parametrize(
    ("most", "classes", "wanted"), [(100, 3, [10, 20, 50, 100]), (99, 15, [20, 50]), (7, 2, [7])]
)
def test_default_budgets(most: int, classes: int, wanted: list[int]) -> None:
    assert default_budgets(most, classes) == wanted


def test_what_cannot_be_replayed_is_said() -> None:
    data = blobs()
    for labels, options, said in (
        (data.labels([0, 70]), {}, "too few to replay"),
        (data.classes, {"budgets": [1000]}, "budgets are"),
        (data.classes, {"seeds": 0}, "seeds is 0"),
    ):
        with pytest.raises(CuratorError, match=said):
            simulate(data.graph, labels, **options)


def test_a_replay_by_an_unknown_strategy_names_the_known_ones() -> None:
    data = blobs()
    options = {"strategy": "marginn", "embeddings": None, "n_classes": 4, "seed": 0}
    with pytest.raises(CuratorError, match="did you mean margin"):
        next(replay(data.graph, data.classes, np.arange(data.n), [4], **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "said"), [("marginn", "did you mean margin"), ("badge", "embeddings")])
def test_strategies_that_will_fail_are_refused_before_the_first_round(name: str, said: str) -> None:
    told: list[int] = []
    with pytest.raises(CuratorError, match=said):
        simulate(
            blobs().graph,
            blobs().classes,
            strategies=("random", name),
            told=lambda done, _total: told.append(done),
        )
    assert not told


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    data = blobs()
    found = simulate(data.graph, data.classes, budgets=[5, 10], seeds=1)
    plot_simulation(found, tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as image:
        assert image.size == (1050, 675)
    with pytest.raises(CuratorError, match="--overwrite"):
        check_plot(tmp_path / "plot.png", overwrite=False)
    with pytest.raises(CuratorError, match=r"ends in \.png"):
        check_plot(tmp_path / "plot.pdf", overwrite=False)
