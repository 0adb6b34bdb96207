from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.optimize import brentq

from curator_indexes import KnnGraph, VectorError, affinity, knn_graph, normalized
from curator_indexes.affinity import Kernel, Symmetry
from tests.indexes._oracle import clustered

KERNELS, SYMMETRIES = get_args(Kernel), get_args(Symmetry)


def _weight(graph: KnnGraph, kernel: str, i: int, j: int) -> float:
    """The kernels as their papers write them, one edge at a time."""
    cos = graph.similarities.astype(np.float64)
    if kernel == "cosine_power":
        return float(max(cos[i, j], 0) ** 3)
    if kernel == "exponential":
        return float(np.exp((cos[i, j] - cos[i].max()) / 0.2))
    if kernel == "fuzzy":
        beyond = _beyond_nearest(1 - cos[i])
        sigma = _sigma(beyond)
        return float(np.exp(-beyond[j] / sigma)) if sigma > 0 else float(beyond[j] == 0)
    squared = 2 - 2 * cos
    scale = np.sqrt(squared[:, min(7, graph.k) - 1])
    return float(np.exp(-squared[i, j] / (scale[i] * scale[graph.neighbors[i, j]])))


def _beyond_nearest(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    beyond: NDArray[np.float64] = np.maximum(distance - distance[distance > 0].min(), 0)
    return beyond


def _sigma(beyond: NDArray[np.float64]) -> float:
    """The root that UMAP's paper asks for, by another solver; 0 where the nearest alone weigh too much."""

    def excess(log_sigma: float) -> float:
        return float(np.exp(-beyond / np.exp(log_sigma)).sum() - np.log2(max(len(beyond), 2)))

    return float(np.exp(brentq(excess, -30, 6, xtol=1e-12))) if excess(-30) < 0 else 0.0


def _dense(graph: KnnGraph, kernel: str, symmetrize: str) -> NDArray[np.float64]:
    directed = np.zeros((graph.n, graph.n))
    for i in range(graph.n):
        for j in range(graph.k):
            directed[i, graph.neighbors[i, j]] = _weight(graph, kernel, i, j)
    back = directed.T
    joined = {
        "union": directed + back,
        "max": np.maximum(directed, back),
        "mutual": np.minimum(directed, back),
        "fuzzy_union": directed + back - directed * back,
    }
    return joined.get(symmetrize, (directed + back) / 2)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("symmetrize", SYMMETRIES)
@pytest.mark.parametrize("k", [1, 5, 12])
def test_equals_the_formulas(kernel: Kernel, symmetrize: Symmetry, k: int) -> None:
    graph = knn_graph(clustered(60, 5, 4), 12)
    weights = affinity(graph, k=k, kernel=kernel, temperature=0.2, symmetrize=symmetrize)
    np.testing.assert_allclose(weights.toarray(), _dense(graph.prefix(k), kernel, symmetrize), atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.float32, st.tuples(st.integers(0, 14), st.just(2)), elements=st.sampled_from([-1.0, 0.0, 0.5, 1.0])
    ),
    st.integers(1, 9),
    st.sampled_from(KERNELS),
    st.sampled_from(SYMMETRIES),
)
def test_laws_on_any_data(rows: NDArray[np.float32], k: int, kernel: Kernel, symmetrize: Symmetry) -> None:
    graph = knn_graph(rows, k)
    weights = affinity(graph, kernel=kernel, symmetrize=symmetrize)
    assert weights.dtype == np.float32
    assert weights.shape == (len(rows), len(rows))
    assert weights.has_sorted_indices
    assert (weights.data > 0).all()
    assert np.isfinite(weights.data).all()
    dense = weights.toarray()
    np.testing.assert_array_equal(dense, dense.T)
    assert (dense.diagonal() == 0).all()


def test_leaves_the_graph_alone() -> None:
    graph = knn_graph(clustered(30, 4, 3), 6)
    before = graph.neighbors.copy(), graph.similarities.copy()
    for array in (graph.neighbors, graph.similarities):
        array.flags.writeable = False
    affinity(graph)
    np.testing.assert_array_equal(graph.neighbors, before[0])
    np.testing.assert_array_equal(graph.similarities, before[1])


def test_normalized_is_the_formula_and_bounded() -> None:
    weights = affinity(knn_graph(clustered(80, 4, 5), 6))
    dense = weights.toarray().astype(np.float64)
    root = 1 / np.sqrt(dense.sum(axis=1))
    result = normalized(weights)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result.toarray(), root[:, None] * dense * root, atol=1e-6)
    values = np.linalg.eigvalsh(result.toarray().astype(np.float64))
    assert values.max() == pytest.approx(1, abs=1e-5)
    assert values.min() >= -1 - 1e-5


def test_isolated_rows_stay_empty() -> None:
    weights = affinity(knn_graph(np.array([[1, 0], [1, 0.1], [0, 0]], np.float32), 2))
    result = normalized(weights).toarray()
    assert (result[2] == 0).all()
    assert result[0, 1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel": "gaussian"}, "kernel is 'gaussian': wanted one of cosine_power"),
        ({"symmetrize": "both"}, "symmetrize is 'both': wanted one of union"),
        ({"k": 0}, "k is 0"),
        ({"gamma": 0.0}, "gamma is 0.0: wanted a finite number above 0"),
        ({"temperature": float("nan")}, "temperature is nan"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(VectorError, match=message):
        affinity(knn_graph(np.eye(4, dtype=np.float32), 2), **options)
