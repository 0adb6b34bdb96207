from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from curator_indexes import KnnGraph, VectorError, _effort, _plan, _rows, knn_graph
from tests.indexes._oracle import (
    assert_exact,
    assert_well_formed,
    clustered,
    measured_recall,
    reference_embeddings,
)

SHAPES = st.tuples(st.integers(0, 12), st.integers(1, 5))
FEW_VALUES = st.sampled_from([-2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0])  # many equal, parallel and zero rows


@pytest.fixture
def always_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never search exactly, however cheap that is."""
    monkeypatch.setattr(_plan, "EXACT_BELOW", 0)
    monkeypatch.setattr(_effort, "PRODUCT_COST", np.inf)


@pytest.fixture
def nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat any embeddings as too large for a float32 copy."""
    monkeypatch.setattr(_rows, "COPY_BYTES", 0)
    monkeypatch.setattr(_rows, "_BLOCK_VALUES", 1 << 12)


@settings(max_examples=60, deadline=None)
@given(st.data(), SHAPES, st.sampled_from([np.float16, np.float32, np.float64]), st.integers(1, 15))
def test_equals_brute_force(data: st.DataObject, shape: tuple[int, int], dtype: Any, k: int) -> None:
    rows = data.draw(arrays(dtype, shape, elements=FEW_VALUES.map(float)))
    assert_exact(knn_graph(rows, k), rows, k)


@settings(max_examples=30, deadline=None)
@given(arrays(np.float64, (7, 3), elements=st.floats(-1e300, 1e300)))
def test_any_finite_size_of_values(rows: NDArray[np.float64]) -> None:
    assert_well_formed(knn_graph(rows, 4), 7, 4)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_equals_brute_force_over_several_blocks(dtype: type) -> None:
    rows: NDArray[Any] = clustered(2500, 17, 20).astype(dtype)
    assert_exact(knn_graph(rows, 30), rows, 30)


@pytest.mark.usefixtures("nothing_held")
def test_rows_read_by_block_give_the_same_graph(tmp_path: Path) -> None:
    rows = clustered(2500, 17, 20).astype(np.float16)
    rows[100:140] = rows[7]
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert_exact(knn_graph(mapped, 30), rows, 30)


def test_memory_map_gives_the_same_bytes(tmp_path: Path) -> None:
    rows = clustered(300, 8, 5).astype(np.float16)
    np.save(tmp_path / "rows.npy", rows)
    mapped = knn_graph(np.load(tmp_path / "rows.npy", mmap_mode="r"), 9)
    assert _bytes(mapped) == _bytes(knn_graph(rows, 9))


def test_lengths_of_rows_do_not_matter() -> None:
    rows = clustered(400, 8, 5)
    scaled = rows * np.float32(2) ** np.random.default_rng(0).integers(-20, 20, size=(400, 1))
    assert _bytes(knn_graph(rows, 9)) == _bytes(knn_graph(scaled, 9))


@pytest.mark.parametrize(("n", "columns"), [(0, 0), (1, 0), (2, 1), (3, 2)])
def test_fewer_rows_than_k(n: int, columns: int) -> None:
    graph = knn_graph(np.eye(n, 4, dtype=np.float32), 50)
    assert (graph.n, graph.k) == (n, columns)


@pytest.mark.parametrize("row", [[0.3, -0.7, 0.2], [0.0, 0.0, 0.0]])
def test_equal_rows_have_each_other_lowest_ids_first(row: list[float]) -> None:
    graph = knn_graph(np.tile(np.array(row, np.float32), (3000, 1)), 5)
    assert_well_formed(graph, 3000, 5)
    np.testing.assert_array_equal(graph.neighbors[3:6], [[0, 1, 2, 4, 5], [0, 1, 2, 3, 5], [0, 1, 2, 3, 4]])
    assert (graph.similarities == np.float32(any(row))).all()


def test_a_million_equal_rows() -> None:
    graph = knn_graph(np.ones((1_000_000, 2), np.float16), 3)
    np.testing.assert_array_equal(graph.neighbors[[0, 1, 999_999]], [[1, 2, 3], [0, 2, 3], [0, 1, 2]])
    assert (graph.similarities == 1).all()


@pytest.mark.parametrize("k", [1, 30])
def test_one_dimension_leaves_only_the_sign(k: int) -> None:
    rows = np.random.default_rng(0).normal(size=(40_000, 1))
    rows[7] = 0
    graph = knn_graph(rows, k)
    assert_well_formed(graph, 40_000, k)
    assert (graph.similarities[np.arange(40_000) != 7] == 1).all()
    assert (graph.similarities[7] == 0).all()
    assert (np.sign(rows[graph.neighbors[0], 0]) == np.sign(rows[0, 0])).all()


def test_copies_are_joined_with_other_neighbours() -> None:
    rows = clustered(500, 6, 4)
    rows = rows[np.random.default_rng(1).integers(500, size=1500)]
    rows[::50] = 0
    assert_exact(knn_graph(rows, 20), rows, 20)


def test_rows_at_right_angles_tie_by_id() -> None:
    graph = knn_graph(np.eye(40, dtype=np.float32), 3)
    np.testing.assert_array_equal(graph.neighbors[:4], [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
    assert (graph.similarities == 0).all()


def test_tied_groups_of_copies_interleave_by_id() -> None:
    rows = np.array(
        [[0, 1], [1, 1], [0, 1], [-1, 1], [1, 1], [-1, 1]], np.float32
    )  # two groups equally near to [0, 1]
    np.testing.assert_array_equal(knn_graph(rows, 4).neighbors[0], [2, 1, 3, 4])


@pytest.mark.usefixtures("always_lists")
@pytest.mark.parametrize("held", [True, False])
def test_lists_reach_and_report_their_recall(monkeypatch: pytest.MonkeyPatch, held: bool) -> None:
    if not held:
        monkeypatch.setattr(_rows, "COPY_BYTES", 0)
    rows = clustered(20_000, 32, 400).astype(np.float16)
    graph = knn_graph(rows, 20, recall=0.95)
    assert graph.method == "inverted lists"
    assert_well_formed(graph, 20_000, 20)
    measured = measured_recall(graph, rows, step=11)
    assert measured >= 0.95
    assert graph.recall == pytest.approx(measured, abs=0.01)


@pytest.mark.usefixtures("always_lists")
def test_lists_with_many_equal_rows() -> None:
    rows = clustered(4000, 8, 200)
    rows[500:3000] = rows[10]
    rows[3500:3520] = 0
    graph = knn_graph(rows, 15)
    assert graph.method == "inverted lists"
    assert_well_formed(graph, 4000, 15)
    np.testing.assert_array_equal(graph.neighbors[2000], [10, *range(500, 514)])


@pytest.mark.usefixtures("always_lists")
def test_lists_shorter_than_k_still_give_k_neighbours() -> None:
    rows = clustered(1500, 4, 700)
    assert_well_formed(knn_graph(rows, 200, recall=0.3), 1500, 200)


def test_data_without_clusters_is_searched_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_plan, "EXACT_BELOW", 0)
    rows = np.random.default_rng(0).normal(size=(2000, 64)).astype(np.float32)
    graph = knn_graph(rows, 10)
    assert (graph.method, graph.recall) == ("exact", 1.0)
    assert_exact(graph, rows, 10)


@pytest.mark.usefixtures("always_lists")
def test_recall_of_one_is_exact() -> None:
    rows = clustered(1500, 8, 100)
    assert_exact(knn_graph(rows, 10, recall=1), rows, 10)


def test_reference_embeddings() -> None:
    rows = reference_embeddings(5000)
    assert_exact(knn_graph(rows, 50), rows, 50)


@pytest.mark.usefixtures("always_lists")
def test_reference_embeddings_through_lists() -> None:
    rows = reference_embeddings(5000)
    found = knn_graph(rows, 10, recall=0.9)
    share = measured_recall(found, rows, step=3)
    assert found.method == "inverted lists"
    assert share >= 0.9
    assert found.recall == pytest.approx(share, abs=0.015)


_HASH_OF_GRAPH = """
import hashlib, sys
import numpy as np
from curator_indexes import VectorIndex, _effort, _plan, knn_graph
if sys.argv[1] == "inverted lists":
    _plan.EXACT_BELOW, _effort.PRODUCT_COST = 0, float("inf")
rng = np.random.default_rng(3)
rows = (rng.normal(size=(120, 24))[rng.integers(120, size=5000)] + 0.3 * rng.normal(size=(5000, 24)))
rows = rows.astype(np.float16)
graph = knn_graph(rows, 12, recall=0.9, seed=4)
ids, similarities = VectorIndex.build(rows, seed=4, recall=0.9).search(rows[:1500], 12)
content = [graph.neighbors, graph.similarities, ids, similarities]
print(graph.method, graph.recall, hashlib.sha256(b"".join(a.tobytes() for a in content)).hexdigest())
"""


@pytest.mark.parametrize("method", ["exact", "inverted lists"])
def test_number_of_threads_changes_no_byte(method: str) -> None:
    one, two, three = (_graph_in_new_process(method, threads) for threads in (1, 2, 3))
    assert one.startswith(method)
    assert one == two == three


def _graph_in_new_process(method: str, threads: int) -> str:
    command = [sys.executable, "-c", _HASH_OF_GRAPH, method]
    path = os.pathsep.join(p for p in sys.path if p)
    environment = {**os.environ, "CURATOR_THREADS": str(threads), "PYTHONPATH": path}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.mark.usefixtures("always_lists")
def test_seed_decides_everything() -> None:
    rows = clustered(3000, 16, 60)
    first, again, other = (_bytes(knn_graph(rows, 10, recall=0.8, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_progress_ends_at_all_rows() -> None:
    steps: list[tuple[int, int]] = []
    knn_graph(clustered(3000, 4, 5), 3, progress=lambda done, total: steps.append((done, total)))
    assert steps == sorted(steps)
    assert steps[-1] == (3000, 3000)


def test_an_error_in_progress_stops_the_work() -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        knn_graph(clustered(3000, 4, 5), 3, progress=stop)


BAD = [
    (np.zeros(5, np.float32), 3, {}, r"shape \(5,\): wanted \[rows, dimensions\]"),
    (np.zeros((5, 0), np.float32), 3, {}, "at least 1 dimension"),
    (np.zeros((5, 2), np.int64), 3, {}, "int64: wanted float16, float32 or float64"),
    (np.full((5, 2), np.nan, np.float32), 3, {}, "row 0 holds NaN"),
    (np.array([[1, 2], [3, np.inf]], np.float16), 3, {}, "row 1 holds NaN or an infinite"),
    (np.zeros((5, 2), np.float32), 0, {}, "k is 0: wanted a whole number of at least 1"),
    (np.zeros((5, 2), np.float32), 2.5, {}, "k is 2.5"),
    (np.zeros((5, 2), np.float32), True, {}, "k is True"),
    (np.eye(5, dtype=np.float32), 3, {"recall": 0}, "recall is 0: wanted"),
    (np.eye(5, dtype=np.float32), 3, {"recall": float("nan")}, "recall is nan: wanted"),
]


@pytest.mark.parametrize(("rows", "k", "options", "message"), BAD)
def test_bad_input_is_named(rows: NDArray[Any], k: int, options: dict[str, Any], message: str) -> None:
    with pytest.raises(VectorError, match=message):
        knn_graph(rows, k, **options)


def _bytes(graph: KnnGraph) -> str:
    return hashlib.sha256(graph.neighbors.tobytes() + graph.similarities.tobytes()).hexdigest()
