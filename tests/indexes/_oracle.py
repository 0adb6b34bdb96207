"""Brute force in float64, and data to compare on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from curator_indexes import KnnGraph


def cosines(queries: NDArray[Any], base: NDArray[Any]) -> NDArray[np.float64]:
    return unit(queries) @ unit(base).T


def unit(rows: NDArray[Any]) -> NDArray[np.float64]:
    rows = rows.astype(np.float64)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1))


def true_similarities(rows: NDArray[Any], k: int, step: int = 1) -> NDArray[np.float64]:
    """The k largest similarities of each row (or each `step`-th) to another one, best first."""
    chosen = np.arange(0, len(rows), step)
    similarity = cosines(rows[chosen], rows)
    similarity[np.arange(len(chosen)), chosen] = -np.inf
    k = min(k, len(rows) - 1)
    largest = np.partition(similarity, len(rows) - k - 1, axis=1)[:, len(rows) - k :] if k > 0 else similarity
    return -np.sort(-largest, axis=1)[:, : max(k, 0)]


def assert_exact(graph: KnnGraph, rows: NDArray[Any], k: int) -> None:
    """The graph keeps every promise of its docstring and is the true one up to rounding."""
    assert_well_formed(graph, len(rows), k)
    np.testing.assert_allclose(graph.similarities, true_similarities(rows, k), atol=2e-6)
    own = np.take_along_axis(cosines(rows, rows), graph.neighbors.astype(np.int64), axis=1)
    np.testing.assert_allclose(graph.similarities, own, atol=2e-6)


def measured_recall(graph: KnnGraph, rows: NDArray[Any], step: int) -> float:
    """The share of neighbours that are as near as the true k-th, over each `step`-th row."""
    truth = true_similarities(rows, graph.k, step)
    return float((graph.similarities[::step] >= truth[:, -1:] - 2e-6).mean())


def assert_well_formed(graph: KnnGraph, n: int, k: int) -> None:
    assert graph.neighbors.shape == graph.similarities.shape == (n, max(0, min(k, n - 1)))
    assert graph.neighbors.dtype == np.int32
    assert graph.similarities.dtype == np.float32
    assert ((graph.neighbors >= 0) & (graph.neighbors < n)).all()
    assert (graph.neighbors != np.arange(n)[:, None]).all()
    assert (np.abs(graph.similarities) <= 1).all()
    ordered = np.sort(graph.neighbors, axis=1)
    assert (ordered[:, 1:] != ordered[:, :-1]).all()
    step = np.diff(graph.similarities, axis=1)
    assert (step <= 0).all()
    assert ((step < 0) | (np.diff(graph.neighbors, axis=1) > 0)).all()


def clustered(n: int, d: int, clusters: int, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(clusters, d))
    noise = rng.normal(size=(n, d))
    return (centers[rng.integers(clusters, size=n)] + 0.5 * noise).astype(np.float32)


def reference_embeddings(rows: int) -> NDArray[np.float16]:
    path = Path(__file__).parents[3] / "shared" / "data" / "reference-embeddings.npz"
    if not path.exists():
        pytest.skip(f"no reference embeddings at {path}")
    with np.load(path) as arrays:
        return np.asarray(arrays["train"][:rows])
