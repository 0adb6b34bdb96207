"""Layouts: neighbours lie together, the same seed gives the same map, and newcomers move nobody."""

import numpy as np
import pytest

from curator.errors import CuratorError
from curator.pictures.layout import epochs_for, layout, place
from curator_indexes import knn_graph


@pytest.fixture(scope="module")
def clusters() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    classes = np.repeat(np.arange(4), 60)
    return (np.eye(8)[classes] + 0.15 * rng.normal(size=(240, 8))).astype(np.float32), classes


def test_clusters_lie_apart(clusters: tuple[np.ndarray, np.ndarray]) -> None:
    vectors, classes = clusters
    places = layout(knn_graph(vectors, k=15), embeddings=vectors, epochs=100)
    assert places.shape == (240, 2)
    assert places.dtype == np.float32
    assert np.abs(places).max() == pytest.approx(1)
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (classes[distances.argmin(axis=1)] == classes).mean() > 0.98


def test_the_same_seed_gives_the_same_map(clusters: tuple[np.ndarray, np.ndarray]) -> None:
    graph = knn_graph(clusters[0], k=15)
    assert np.array_equal(layout(graph, epochs=20, seed=3), layout(graph, epochs=20, seed=3))


@pytest.mark.parametrize("n", [1, 2, 4, 5])
def test_few_rows_have_finite_places(n: int) -> None:
    vectors = np.random.default_rng(n).normal(size=(n + 1, 4)).astype(np.float32)
    assert np.isfinite(layout(knn_graph(vectors, k=min(3, n)), epochs=5)).all()


def test_newcomers_lie_amid_their_neighbours_and_move_nobody(
    clusters: tuple[np.ndarray, np.ndarray],
) -> None:
    vectors, classes = clusters
    graph = knn_graph(vectors, k=10)
    known = np.asarray(np.eye(4)[classes][:, :2] + np.eye(4)[classes][:, 2:] * 3, np.float32)
    missing = known.copy()
    missing[::7] = np.nan
    placed = place(graph, missing)
    kept = ~np.isnan(missing[:, 0])
    assert np.array_equal(placed[kept], known[kept])
    assert np.abs(placed - known).max() < 0.5


def test_rows_that_nothing_leads_to_lie_in_the_middle() -> None:
    vectors = np.repeat(np.eye(2, dtype=np.float32), 4, axis=0)
    known = np.full((8, 2), np.nan, np.float32)
    known[:4] = [[0, 0], [1, 0], [0, 1], [1, 1]]
    placed = place(knn_graph(vectors, k=2), known)
    assert np.allclose(placed[4:], 0.5)


def test_epochs_never_rise_with_rows() -> None:
    epochs = [epochs_for(n) for n in (10, 10_000, 10_001, 100_000, 200_000, 10**6, 10**8)]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[-1] == 60


def test_wrong_arguments_are_refused() -> None:
    graph = knn_graph(np.eye(3, dtype=np.float32), k=1)
    with pytest.raises(CuratorError, match="epochs"):
        layout(graph, epochs=0)
    with pytest.raises(CuratorError, match="shape"):
        place(graph, np.zeros((2, 2)))
