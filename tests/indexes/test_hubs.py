"""Hubs: measured as the literature measures them, and fewer where asked."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import skew

from curator_indexes import VectorError, hubness, knn_graph, reduce_hubness
from tests.indexes._oracle import clustered


def gaussian(d: int) -> NDArray[np.float64]:
    """Many dimensions: nearest to all are those near the mean. Seen from far away, cosine is distance."""
    rows: NDArray[np.float64] = np.random.default_rng(0).normal(size=(2000, d)) + np.eye(1, d)[0] * 20
    return rows


def test_hubness_is_the_skewness_of_occurrences() -> None:
    graph = knn_graph(clustered(500, 30, 3), 15)
    occurrences = np.bincount(graph.neighbors[:, :10].ravel(), minlength=500)
    assert hubness(graph) == pytest.approx(skew(occurrences))
    assert hubness(graph, k=100) == pytest.approx(skew(np.bincount(graph.neighbors.ravel(), minlength=500)))


def test_hubness_grows_with_dimension() -> None:
    low, high = (hubness(knn_graph(gaussian(d), 10)) for d in (3, 200))
    assert low < 0.5 < 1.5 < high


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hubness_of_almost_nothing(n: int) -> None:
    assert hubness(knn_graph(np.eye(n, 3, dtype=np.float32), 5)) == 0.0


def test_hubs_are_reduced() -> None:
    graph = knn_graph(gaussian(200), 30)
    assert hubness(reduce_hubness(graph, 10)) < 0.5 * hubness(graph)


def test_what_is_kept_is_best_by_the_formula() -> None:
    graph = knn_graph(clustered(300, 20, 5), 25)
    near = graph.similarities.astype(np.float64)
    reduced = reduce_hubness(graph, 8, local=6)
    for row in range(0, 300, 7):
        others = graph.neighbors[row]
        scaled = 2 * near[row] - near[row, :6].mean() - near[others, :6].mean(axis=1)
        assert set(reduced.neighbors[row]) == set(others[np.argsort(-scaled)[:8]])
    assert (np.diff(reduced.similarities, axis=1) <= 0).all()
    assert reduced.recall == graph.recall


@pytest.mark.parametrize("k", [0, 5, 6])
def test_nothing_to_choose_from_is_an_error(k: int) -> None:
    with pytest.raises(VectorError, match=f"k is {k}: wanted 1 to 4"):
        reduce_hubness(knn_graph(clustered(50, 5, 2), 5), k)
