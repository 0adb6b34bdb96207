from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.queries import query
from curator.queries._lazy import lazy_greedy
from curator_indexes import KnnGraph, knn_graph
from tests.science._data import digits


def served(graph: KnnGraph) -> npt.NDArray[np.float64]:
    """How well image x (row) serves image y (column), [n, n]."""
    worth = np.eye(graph.n)
    for row in range(graph.n):
        worth[graph.neighbors[row], row] = np.maximum(graph.similarities[row], 0)
    return worth


def objective(worth: npt.NDArray[np.float64], chosen: list[int]) -> float:
    return float(worth[chosen].max(axis=0).sum()) if chosen else 0.0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), labelled=st.integers(0, 3), k=st.integers(1, 8))
def test_lazy_is_eager_and_each_score_is_the_gain(seed: int, labelled: int, k: int) -> None:
    graph = knn_graph(np.random.default_rng(seed).normal(size=(40, 5)).astype(np.float32), k)
    labels = np.where(np.arange(40) < labelled, 0, -1)
    ranking = query(graph, labels, 12, strategy="facility_location")
    worth, chosen = served(graph), list(range(labelled))
    for pick, score in zip(ranking.ids.tolist(), ranking.scores, strict=True):
        before = objective(worth, chosen)
        gains = [objective(worth, [*chosen, row]) - before for row in range(40) if row not in chosen]
        assert score == pytest.approx(max(gains), abs=1e-6)
        chosen.append(pick)
        assert objective(worth, chosen) - before == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_greedy_reaches_what_the_theorem_promises_of_the_best_set(seed: int) -> None:
    graph = knn_graph(np.random.default_rng(seed).normal(size=(14, 3)).astype(np.float32), 4)
    worth = served(graph)
    best = max(objective(worth, list(chosen)) for chosen in combinations(range(14), 3))
    picked = query(graph, np.full(14, -1), 3, strategy="facility_location").ids.tolist()
    assert (1 - 1 / np.e) * best <= objective(worth, picked) <= best + 1e-9


def test_lazy_greedy_asks_for_few_gains() -> None:
    data, asked = digits(), []
    worth = served(data.graph)
    best = np.zeros(data.n)

    def gain(row: int) -> float:
        asked.append(row)
        return float(np.maximum(worth[row] - best, 0).sum())

    picks = lazy_greedy(np.arange(data.n), worth.sum(axis=1), gain)
    for _ in range(50):
        np.maximum(best, worth[next(picks)[0]], out=best)
    assert len(asked) < 50 * data.n / 20


def test_lazy_greedy_breaks_ties_by_lower_id_and_ends() -> None:
    ids = np.array([3, 5, 8])
    assert list(lazy_greedy(ids, np.ones(3), lambda _row: 1.0)) == [(3, 1.0), (5, 1.0), (8, 1.0)]
    assert list(lazy_greedy(ids[:0], np.ones(0), lambda _row: 1.0)) == []
