from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy as entropy_of

from curator.errors import CuratorError
from curator.propagation import Calibration, propagate
from curator.queries import STRATEGIES, Ranking, query
from curator_indexes import affinity, knn_graph
from tests.science._data import EVERY, Data, blobs, digits, identical, of

NEED_LABELS = [name for name, strategy in STRATEGIES.items() if strategy.needs_labels]
NEED_EMBEDDINGS = [name for name, strategy in STRATEGIES.items() if strategy.needs_embeddings]
COLD = ["auto", *(name for name in STRATEGIES if name not in NEED_LABELS)]
UNCERTAIN = ["entropy", "least_confidence", "margin"]


def ask(data: Data, labels: npt.NDArray[np.int64], budget: int, strategy: str, **options: Any) -> Ranking:
    return query(data.graph, labels, budget, strategy=strategy, embeddings=data.embeddings, **options)


@pytest.mark.parametrize("name", [*EVERY])
@pytest.mark.parametrize("strategy", ["auto", *STRATEGIES])
@pytest.mark.parametrize("labelled", [0, 1, 3])
@pytest.mark.parametrize("budget", [1, 7, 10_000])
def test_laws_of_every_strategy_on_every_data_set(
    name: str, strategy: str, labelled: int, budget: int
) -> None:
    data = EVERY[name]()
    labels = data.labels(np.arange(min(labelled, data.n)))
    if labelled >= data.n or (labelled == 0 and strategy in NEED_LABELS):
        with pytest.raises(CuratorError, match=r"no image is left|needs a few labels"):
            ask(data, labels, budget, strategy)
        return
    first, second = (ask(data, labels, budget, strategy, seed=3) for _ in range(2))
    assert_lawful(first, labels, budget)
    np.testing.assert_array_equal(first.ids, second.ids)
    np.testing.assert_array_equal(first.scores, second.scores)
    assert first.reasons == second.reasons


def assert_lawful(ranking: Ranking, labels: npt.NDArray[np.int64], budget: int) -> None:
    count = min(budget, int((labels < 0).sum()))
    assert ranking.ids.shape == ranking.scores.shape == (count,)
    assert len(ranking.reasons) == count
    assert len(np.unique(ranking.ids)) == count
    assert (labels[ranking.ids] < 0).all()
    assert np.isfinite(ranking.scores).all()
    assert (np.diff(ranking.scores) <= 0).all()
    assert ranking.strategy in STRATEGIES
    for reason in ranking.reasons:
        names = set(re.findall(r"\{(\w+)\}", reason))
        assert names <= {f"class_{label}" for label in range(10)}
        assert "{" not in reason.format_map(dict.fromkeys(names, "cat"))


@pytest.mark.parametrize("strategy", COLD)
def test_only_candidates_are_chosen(strategy: str) -> None:
    data = digits()
    candidates = np.arange(100, 140)
    ranking = ask(data, data.labels(np.arange(110, 120)), 60, strategy, candidates=candidates)
    assert set(ranking.ids.tolist()) == set(range(100, 140)) - set(range(110, 120))


@pytest.mark.parametrize("strategy", ["badge", "random", "typicality"])
def test_another_seed_chooses_otherwise(strategy: str) -> None:
    data = digits()
    labels = data.labels(np.arange(0, data.n, 40))
    first, second = (ask(data, labels, 20, strategy, seed=seed) for seed in (1, 2))
    assert set(first.ids.tolist()) != set(second.ids.tolist())


@pytest.mark.parametrize(
    "strategy", ["facility_location", "herding", "uncertainty_herding", "coreset", *UNCERTAIN]
)
def test_permuted_rows_give_the_same_images(strategy: str) -> None:
    data = digits()
    order = np.random.default_rng(3).permutation(data.n)
    moved = of(data.embeddings[order], data.classes[order], k=30)
    labels = data.labels(np.arange(0, data.n, 60))
    here = ask(data, labels, 10, strategy)
    there = ask(moved, labels[order], 10, strategy)
    # Folds of the calibration move with the rows, so uncertainty may shift a little: most picks stay.
    assert len(set(order[there.ids].tolist()) & set(here.ids.tolist())) >= 8


def formula(strategy: str, probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    ordered = np.sort(probabilities.astype(np.float64), axis=1)
    scores = {
        "entropy": entropy_of(probabilities.astype(np.float64), axis=1),
        "least_confidence": 1 - ordered[:, -1],
        "margin": 1 - (ordered[:, -1] - ordered[:, -2]),
    }
    return np.asarray(scores[strategy])


@pytest.mark.parametrize("strategy", UNCERTAIN)
def test_uncertainty_is_the_formula_of_propagated_probabilities(strategy: str) -> None:
    data = digits()
    labels = data.labels(np.arange(0, data.n, 40))
    wanted = formula(strategy, propagate(data.graph, labels, calibration=Calibration()).probabilities)
    ranking = ask(data, labels, 50, strategy)
    np.testing.assert_allclose(ranking.scores, wanted[ranking.ids], atol=1e-5)
    assert ranking.scores[-1] >= np.sort(wanted[labels < 0])[-50] - 1e-5


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), labelled=st.integers(0, 3))
def test_coreset_is_greedy_k_centre(seed: int, labelled: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(30, 4))
    data = of(rows, np.zeros(30))
    labels = data.labels(np.arange(labelled))
    ids = ask(data, labels, 6, "coreset").ids.tolist()
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    distance = np.linalg.norm(unit[:, None] - unit[None], axis=2)
    centers = [*range(labelled), *([] if labelled else ids[:1])]
    for pick in ids[0 if labelled else 1 :]:
        nearest = distance[:, centers].min(axis=1)
        assert nearest[pick] == pytest.approx(nearest.max(), abs=1e-3)
        centers.append(pick)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), labelled=st.integers(0, 3))
def test_herding_is_greedy_coverage(seed: int, labelled: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(40, 6))
    data = of(rows, np.zeros(40), k=6)
    ranking = ask(data, data.labels(np.arange(labelled)), 8, "herding")
    kernel = affinity(data.graph, gamma=1.0, symmetrize="max").toarray().astype(np.float64) + np.eye(40)
    chosen = list(range(labelled))
    for pick, score in zip(ranking.ids.tolist(), ranking.scores, strict=True):
        covered = kernel[chosen].max(axis=0) if chosen else np.zeros(40)
        gains = np.maximum(kernel - covered, 0).sum(axis=1)
        gains[chosen] = -1
        assert gains[pick] == pytest.approx(gains.max(), abs=1e-5)
        assert score == pytest.approx(gains[pick], abs=1e-5)
        chosen.append(pick)


@pytest.mark.parametrize("strategy", ["auto", "coverage", "facility_location", "herding", "typicality"])
def test_the_first_picks_find_every_class(strategy: str) -> None:
    data = blobs()
    picked = data.classes[ask(data, data.unlabelled, 4, strategy).ids]
    assert sorted(picked) == [0, 1, 2, 3]


def test_near_identical_images_wait_until_no_others_are_left() -> None:
    angles = np.repeat(np.linspace(0, 3, 6), 4) + np.tile([0, 0.001, 0.002, 0.003], 6)
    data = of(np.column_stack([np.cos(angles), np.sin(angles)]), np.repeat(np.arange(6), 4), k=8)
    ranking = ask(data, data.unlabelled, 24, "auto")
    assert sorted(data.classes[ranking.ids[:6]]) == list(range(6))
    assert sorted(ranking.ids) == list(range(24))


def test_auto_covers_first_and_asks_about_doubts_later() -> None:
    data = digits()
    rng = np.random.default_rng(0)
    few, many = (data.labels(rng.choice(data.n, count, replace=False)) for count in (15, 30))
    assert [ask(data, labels, 5, "auto").strategy for labels in (data.unlabelled, few, many)] == [
        "typicality",
        "typicality",
        "uncertainty_herding",
    ]
    assert query(data.graph, data.unlabelled, 5).strategy == "coverage"


def test_chosen_labels_teach_more_than_random_ones() -> None:
    data = digits()
    chosen = [ask(data, data.unlabelled, 20, "auto").ids]
    random = [ask(data, data.unlabelled, 20, "random", seed=seed).ids for seed in range(8)]
    accuracy = [
        np.mean(
            [(propagate(data.graph, data.labels(ids)).predictions == data.classes).mean() for ids in picks]
        )
        for picks in (chosen, random)
    ]
    assert accuracy[0] > accuracy[1] + 0.05


def test_reasons_name_the_classes_in_doubt() -> None:
    data = digits()
    reasons = ask(data, data.labels(np.arange(0, data.n, 40)), 5, "margin").reasons
    assert all(re.fullmatch(r"between \{class_\d\} and \{class_\d\}", text) for text in reasons)


@pytest.mark.parametrize("strategy", NEED_LABELS)
def test_strategies_without_labels_name_one_that_needs_none(strategy: str) -> None:
    with pytest.raises(CuratorError, match=f"'{strategy}' needs a few labels.*'herding'"):
        ask(blobs(), blobs().unlabelled, 3, strategy)


@pytest.mark.parametrize("strategy", NEED_EMBEDDINGS)
def test_strategies_without_embeddings_name_one_that_needs_none(strategy: str) -> None:
    with pytest.raises(CuratorError, match=f"'{strategy}' compares embeddings.*'herding'"):
        query(blobs().graph, blobs().labels([0, 60, 120]), 3, strategy=strategy)


@pytest.mark.parametrize("strategy", sorted({*STRATEGIES} - {*NEED_EMBEDDINGS}))
def test_strategies_that_need_no_embeddings_choose_without(strategy: str) -> None:
    labels = blobs().labels([0, 60, 120])
    assert len(query(blobs().graph, labels, 3, strategy=strategy).ids) == 3


def test_soft_labels_of_other_labels_are_refused() -> None:
    labels = blobs().labels([0, 60, 120])
    soft = propagate(blobs().graph, labels, n_classes=9)
    assert len(query(blobs().graph, labels, 3, strategy="margin", soft=soft).ids) == 3
    labels[1] = 2
    with pytest.raises(CuratorError, match=r"other labels than these.*soft\.update"):
        query(blobs().graph, labels, 3, strategy="margin", soft=soft)
    soft.update([1], [2])
    assert len(query(blobs().graph, labels, 3, strategy="margin", soft=soft).ids) == 3


def test_room_for_classes_to_come_changes_no_choice() -> None:
    data = digits()
    labels = data.labels(np.arange(0, data.n, 40))
    soft = propagate(data.graph, labels, embeddings=data.embeddings)
    roomy = propagate(data.graph, labels, embeddings=data.embeddings, n_classes=22)
    for strategy in NEED_LABELS:
        one, two = (ask(data, labels, 10, strategy, soft=each).ids for each in (soft, roomy))
        np.testing.assert_array_equal(one, two)


def test_embeddings_of_other_images_are_refused() -> None:
    with pytest.raises(CuratorError, match="the graph has 240 rows"):
        query(blobs().graph, blobs().unlabelled, 3, strategy="coreset", embeddings=np.eye(3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": 0}, "budget is 0"),
        ({"budget": -1}, "budget is -1"),
        ({"budget": 2.5}, "budget is 2.5"),
        ({"budget": True}, "budget is True"),
        ({"strategy": "marginn"}, "no strategy 'marginn'.*margin"),
        ({"candidates": [240]}, "wanted ids below 240"),
        ({"candidates": [0.5]}, "integers"),
        ({"candidates": []}, "no image is left"),
    ],
)
def test_bad_questions_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(CuratorError, match=message):
        query(**{"graph": blobs().graph, "labels": blobs().unlabelled, "budget": 3, **options})


def test_nothing_left_to_label_is_said() -> None:
    with pytest.raises(CuratorError, match="no image is left"):
        query(blobs().graph, blobs().classes, 3)


def test_identical_images_are_all_ranked_in_the_end() -> None:
    assert sorted(ask(identical(), identical().unlabelled, 99, "auto").ids) == list(range(12))


def test_graph_of_another_width_is_fine() -> None:
    data = blobs()
    graph = knn_graph(data.embeddings, 1)
    assert len(query(graph, data.unlabelled, 5).ids) == 5
