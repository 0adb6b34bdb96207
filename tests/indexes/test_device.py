"""The exact join by torch gives the CPU's own graph; here torch computes on the CPU too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from curator_indexes import KnnGraph, VectorIndex, _device, _plan, knn_graph, store_knn_graph
from curator_indexes._device import DeviceSearch
from curator_indexes._rows import open_rows
from tests.indexes._oracle import assert_exact, clustered


def on_device(monkeypatch: pytest.MonkeyPatch, free: int, device: str = "cpu") -> None:
    monkeypatch.setattr(_plan, "find_device", lambda: device)
    monkeypatch.setattr(_plan, "DEVICE_FROM", 0)
    if device == "cpu":
        monkeypatch.setattr(_device, "_free_memory", lambda _: free)


FREE = [1 << 30, 1 << 23, 0]
"""All rows stay on the device; they are sent over block by block; row by row."""


@pytest.mark.parametrize("free", FREE)
def test_same_bytes_as_on_the_cpu(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    rows = clustered(300 if free == 0 else 3000, 24, 20)
    rows[5] = rows[77]
    expected = knn_graph(rows, 12)
    on_device(monkeypatch, free)
    found = knn_graph(rows, 12)
    np.testing.assert_array_equal(found.neighbors, expected.neighbors)
    np.testing.assert_array_equal(found.similarities, expected.similarities)
    assert (found.recall, found.method) == (1.0, "exact")


@pytest.mark.parametrize("n", [1, 2, 3, 12, 13])
def test_fewer_rows_than_neighbours(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    on_device(monkeypatch, 1 << 30)
    assert_exact(knn_graph(clustered(n, 5, 1), 12), clustered(n, 5, 1), 12)


def test_more_rows_than_on_a_cpu_are_searched_exactly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(_plan, "EXACT_BELOW", 0)
    rows = clustered(2000, 16, 20)
    on_device(monkeypatch, 1 << 30)
    assert knn_graph(rows, 5).method == "exact"
    assert store_knn_graph(tmp_path, rows, 5, inputs={}).method == "exact"
    index = VectorIndex.build(rows)
    np.testing.assert_array_equal(index.search(rows[:9], 1)[0][:, 0], np.arange(9))
    monkeypatch.setattr(_plan, "DEVICE_EXACT_BELOW", 0)
    assert DeviceSearch(open_rows(rows), "cpu")(rows[:3], 4).shape == (3, 4)


@pytest.mark.skipif(_device.find_device() is None, reason="no GPU that torch can use")
def test_on_the_gpu_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = clustered(30_000, 64, 100)
    found = knn_graph(rows, 20)
    monkeypatch.setattr(_plan, "find_device", lambda: None)
    expected: KnnGraph = knn_graph(rows, 20, recall=1)
    np.testing.assert_array_equal(found.neighbors, expected.neighbors)
