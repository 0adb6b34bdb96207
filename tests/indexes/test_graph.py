from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from curator_indexes import DamagedFileError, KnnGraph, VectorError, knn_graph
from curator_indexes.artifacts import read_inputs
from tests.indexes._oracle import clustered


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    graph = knn_graph(clustered(3000, 6, 9), 20)
    graph.save(tmp_path / "graph", {"embeddings": "abc", "k": 20})
    loaded = KnnGraph.load(tmp_path / "graph")
    np.testing.assert_array_equal(loaded.neighbors, graph.neighbors)
    np.testing.assert_array_equal(loaded.similarities, graph.similarities)
    assert isinstance(loaded.neighbors, np.memmap)
    assert (loaded.recall, loaded.method) == (graph.recall, graph.method)
    assert read_inputs(tmp_path / "graph") == {"embeddings": "abc", "k": 20}


@pytest.mark.parametrize("n", [0, 1])
def test_graph_without_neighbours_is_stored_too(tmp_path: Path, n: int) -> None:
    knn_graph(np.ones((n, 2), np.float32)).save(tmp_path, {})
    assert KnnGraph.load(tmp_path).neighbors.shape == (n, 0)


@pytest.mark.parametrize("name", ["neighbors.npy", "similarities.npy"])
def test_a_shortened_file_is_refused(tmp_path: Path, name: str) -> None:
    knn_graph(clustered(20, 3, 2), 5).save(tmp_path, {})
    (path,) = tmp_path.glob(f"data-*/{name}")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedFileError, match=f"{name} has changed"):
        KnnGraph.load(tmp_path)


@pytest.mark.parametrize("k", [1, 4, 9])
def test_prefix_is_the_smaller_graph(k: int) -> None:
    rows = clustered(200, 6, 5)
    small, cut = knn_graph(rows, k), knn_graph(rows, 9).prefix(k)
    np.testing.assert_array_equal(cut.neighbors, small.neighbors)
    np.testing.assert_array_equal(cut.similarities, small.similarities)


def test_prefix_bounds() -> None:
    graph = knn_graph(clustered(20, 3, 2), 5)
    assert graph.prefix(50).k == 5
    with pytest.raises(VectorError, match="k is 0: wanted at least 1"):
        graph.prefix(0)


def test_arrays_of_other_shape_or_type_are_refused() -> None:
    ids, similarities = np.zeros((3, 2), np.int32), np.zeros((3, 2), np.float32)
    with pytest.raises(VectorError, match="shapes"):
        KnnGraph(ids, similarities[:, :1])
    with pytest.raises(VectorError, match="int64 and float32: wanted int32"):
        KnnGraph(ids.astype(np.int64), similarities)
