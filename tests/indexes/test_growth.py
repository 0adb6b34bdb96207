"""A graph that follows its rows: as good as one built anew, whatever was added, removed or changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from curator_indexes import KnnGraph, VectorError, VectorIndex, _effort, _plan, knn_graph
from curator_indexes.growth import regrow
from tests.indexes._oracle import assert_well_formed, clustered, cosines, measured_recall

K = 12


@pytest.fixture(autouse=True)
def always_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_plan, "EXACT_BELOW", 0)
    monkeypatch.setattr(_effort, "PRODUCT_COST", np.inf)


def built(rows: NDArray[Any]) -> tuple[KnnGraph, VectorIndex]:
    return knn_graph(rows, K), VectorIndex.build(rows)


def assert_true_similarities(graph: KnnGraph, rows: NDArray[Any]) -> None:
    chosen = np.arange(0, len(rows), 17)
    own = np.take_along_axis(cosines(rows[chosen], rows), graph.neighbors[chosen].astype(np.int64), axis=1)
    np.testing.assert_allclose(graph.similarities[chosen], own, atol=2e-6)


def test_twenty_rounds_are_as_good_as_building_anew() -> None:
    """New rows go anywhere, others leave, some change: all at once, each time."""
    rng = np.random.default_rng(0)
    pool = clustered(12_000, 24, 150)
    rows, waiting = pool[:6000], pool[6000:]
    graph, index = built(rows)
    for _ in range(20):
        kept = np.sort(rng.choice(len(rows), len(rows) - 30, replace=False))
        origin = np.insert(kept, np.sort(rng.integers(len(kept), size=60)), -1)
        fresh, waiting = waiting[:60], waiting[60:]
        rows = np.where(origin[:, None] >= 0, rows[origin], 0).astype(np.float32)
        rows[origin < 0] = fresh
        graph, index = regrow(graph, index, rows, origin)
    assert_well_formed(graph, len(rows), K)
    assert_true_similarities(graph, rows)
    anew = measured_recall(knn_graph(rows, K), rows, step=7)
    assert measured_recall(graph, rows, step=7) >= anew - 0.01
    found = index.search(rows[::50], 1)[0][:, 0]
    assert (found == np.arange(0, len(rows), 50)).mean() >= 0.98


def test_what_is_gone_is_found_no_more() -> None:
    rows = clustered(5000, 16, 100)
    graph, index = built(rows)
    kept = np.flatnonzero(np.arange(5000) % 12 != 0)
    graph, index = regrow(graph, index, rows[kept], kept)
    assert_well_formed(graph, len(kept), K)
    assert_true_similarities(graph, rows[kept])
    assert index.search(rows[kept], 5)[0].max() < len(kept)


def test_nothing_changed_changes_nothing() -> None:
    rows = clustered(4000, 16, 80)
    graph, index = built(rows)
    again, same = regrow(graph, index, rows, np.arange(4000))
    np.testing.assert_array_equal(again.neighbors, graph.neighbors)
    np.testing.assert_array_equal(again.similarities, graph.similarities)
    for before, after in zip(index.search(rows[:50], 9), same.search(rows[:50], 9), strict=True):
        np.testing.assert_array_equal(before, after)


def test_copies_old_and_new_find_each_other() -> None:
    rows = clustered(4000, 16, 80)
    rows[100:103] = rows[7]
    graph, index = built(rows)
    more = np.vstack([rows, rows[[7, 50, 50]], np.full((2, 16), 3.0, np.float32), rows[:20] + 1])
    graph, index = regrow(graph, index, more, np.r_[np.arange(4000), np.full(25, -1)])
    assert_well_formed(graph, 4025, K)
    assert_true_similarities(graph, more)
    assert set(graph.neighbors[4000][:4]) == {7, 100, 101, 102}
    assert set(graph.neighbors[7][:4]) == {100, 101, 102, 4000}
    assert set(graph.neighbors[50][:2]) == {4001, 4002}
    assert graph.neighbors[4003][0] == 4004
    np.testing.assert_array_equal(index.search(more[[50]], 3)[0][0], [50, 4001, 4002])


def test_the_old_ones_are_left_alone() -> None:
    rows = clustered(3000, 16, 60)
    graph, index = built(rows)
    before = graph.neighbors.copy(), graph.similarities.copy(), index.search(rows[:30], 5)
    regrow(graph, index, np.vstack([rows[1:], rows[:5] + 1]), np.r_[np.arange(1, 3000), np.full(5, -1)])
    np.testing.assert_array_equal(graph.neighbors, before[0])
    np.testing.assert_array_equal(graph.similarities, before[1])
    np.testing.assert_array_equal(index.search(rows[:30], 5)[0], before[2][0])


def test_many_changes_build_anew() -> None:
    rows = clustered(3000, 16, 60)
    graph, index = built(rows)
    other = np.vstack([rows[:1500], clustered(1500, 16, 60, seed=1)])
    grown, _ = regrow(graph, index, other, np.r_[np.arange(1500), np.full(1500, -1)])
    np.testing.assert_array_equal(grown.neighbors, knn_graph(other, K).neighbors)


BAD = [
    (np.arange(2999), r"int64 of shape \(2999,\): wanted integers, one for each of 3000 rows"),
    (np.arange(3000) * 1.0, "float64 of shape"),
    (np.r_[np.arange(2999), 3000], "origin holds 0 to 3000: wanted -1 to 2999"),
    (np.r_[np.arange(2999), -2], "origin holds -2 to 2998"),
    (np.r_[np.arange(2999), 5], "names an old row twice"),
]


@pytest.mark.parametrize(("origin", "message"), BAD)
def test_bad_origins_are_named(origin: NDArray[Any], message: str) -> None:
    rows = clustered(3000, 16, 60)
    with pytest.raises(VectorError, match=message):
        regrow(*built(rows), rows, origin)


def test_bad_new_rows_are_named() -> None:
    rows = clustered(3000, 16, 60)
    graph, index = built(rows)
    worse = np.vstack([rows, np.full((1, 16), np.nan, np.float32)])
    with pytest.raises(VectorError, match="NaN"):
        regrow(graph, index, worse, np.r_[np.arange(3000), -1])
