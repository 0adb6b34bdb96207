"""Graphs built on disk: the same bytes as in memory, resumed after a kill, bounded in memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from curator_indexes import (
    KnnGraph,
    VectorError,
    VectorIndex,
    _checkpoint,
    _effort,
    _plan,
    knn_graph,
)
from curator_indexes.stored import store_knn_graph
from tests.indexes._oracle import clustered

INPUTS = {"embeddings": "abc"}


@pytest.fixture(params=["exact", "inverted lists"])
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "inverted lists":
        monkeypatch.setattr(_plan, "EXACT_BELOW", 0)
        monkeypatch.setattr(_effort, "PRODUCT_COST", np.inf)
    monkeypatch.setattr(_checkpoint, "_SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(_plan, "LISTED_ROWS", 512)
    return str(request.param)


def rows_with_copies() -> NDArray[np.float16]:
    rows = clustered(6000, 16, 150).astype(np.float16)
    rows[100:140] = rows[7]
    rows[5000:5010] = 0
    return rows


def assert_same(one: KnnGraph, other: KnnGraph) -> None:
    np.testing.assert_array_equal(one.neighbors, other.neighbors)
    np.testing.assert_array_equal(one.similarities, other.similarities)
    assert (one.recall, one.method) == (other.recall, other.method)


def test_same_as_in_memory(tmp_path: Path, method: str) -> None:
    rows = rows_with_copies()
    stored = store_knn_graph(tmp_path / "graph", rows, 12, inputs=INPUTS, recall=0.9)
    assert stored.method == method
    assert_same(stored, knn_graph(rows, 12, recall=0.9))
    assert isinstance(stored.neighbors, np.memmap)
    assert [path.name for path in (tmp_path / "graph").iterdir() if path.is_dir()] == [
        stored_data_folder(tmp_path / "graph")
    ]


def test_an_index_of_the_same_rows_gives_the_same_graph(tmp_path: Path, method: str) -> None:
    rows = rows_with_copies()
    VectorIndex.build(rows, recall=0.9).save(tmp_path / "index", INPUTS)
    index = VectorIndex.load(tmp_path / "index", rows)
    stored = store_knn_graph(tmp_path / "graph", rows, 12, inputs=INPUTS, index=index, recall=0.9)
    assert_same(stored, knn_graph(rows, 12, recall=0.9))


def stored_data_folder(folder: Path) -> str:
    (data,) = folder.glob("data-*")
    return data.name


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("after", [1, 3, 5])
def test_goes_on_where_it_stopped(tmp_path: Path, method: str, after: int) -> None:
    rows = rows_with_copies()
    steps: list[int] = []

    def stop(done: int, total: int) -> None:
        steps.append(done)
        if len(steps) == after:
            raise StoppedError

    with pytest.raises(StoppedError):
        store_knn_graph(tmp_path / "graph", rows, 12, inputs=INPUTS, recall=0.9, progress=stop)
    assert not (tmp_path / "graph" / "manifest.json").exists()
    resumed: list[int] = []
    graph = store_knn_graph(
        tmp_path / "graph", rows, 12, inputs=INPUTS, recall=0.9, progress=lambda d, t: resumed.append(d)
    )
    assert resumed[0] > steps[-1]
    assert_same(graph, knn_graph(rows, 12, recall=0.9))


def test_other_inputs_start_afresh(tmp_path: Path, method: str) -> None:
    rows = rows_with_copies()

    def stop(done: int, total: int) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        store_knn_graph(tmp_path / "graph", rows, 12, inputs=INPUTS, recall=0.9, progress=stop)
    other = clustered(6000, 16, 150, seed=1)
    graph = store_knn_graph(tmp_path / "graph", other, 12, inputs={"embeddings": "def"}, recall=0.9)
    assert_same(graph, knn_graph(other, 12, recall=0.9))


def test_a_damaged_checkpoint_is_not_used(tmp_path: Path, method: str) -> None:
    rows = rows_with_copies()

    def stop(done: int, total: int) -> None:
        if done > 2000:
            raise StoppedError

    with pytest.raises(StoppedError):
        store_knn_graph(tmp_path / "graph", rows, 12, inputs=INPUTS, recall=0.9, progress=stop)
    for path in (tmp_path / "graph" / "under-way").glob("*"):
        if path.name in {"index.faiss", "plan.json", "done.json"}:
            path.write_bytes(path.read_bytes()[:-3])
    assert_same(
        store_knn_graph(tmp_path / "graph", rows, 12, inputs=INPUTS, recall=0.9),
        knn_graph(rows, 12, recall=0.9),
    )


_KILLED = """
import sys, os, signal
import numpy as np
from curator_indexes import _checkpoint, _construction, _effort, _plan
from curator_indexes.stored import store_knn_graph
_checkpoint._SECONDS_BETWEEN, _plan.LISTED_ROWS = 0.0, 512
_plan.EXACT_BELOW, _effort.PRODUCT_COST = 0, float("inf")
rows = np.load(sys.argv[1])
def kill(done, total):
    if done >= int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
store_knn_graph(sys.argv[2], rows, 12, inputs={"embeddings": "abc"}, recall=0.9, progress=kill)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
def test_survives_kill_9(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_plan, "EXACT_BELOW", 0)
    monkeypatch.setattr(_effort, "PRODUCT_COST", np.inf)
    monkeypatch.setattr(_plan, "LISTED_ROWS", 512)
    rows = rows_with_copies()
    np.save(tmp_path / "rows.npy", rows)
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    for done in (512, 2048, 4096):
        command = [
            sys.executable,
            "-c",
            _KILLED,
            str(tmp_path / "rows.npy"),
            str(tmp_path / "graph"),
            str(done),
        ]
        assert subprocess.run(command, env=environment, check=False).returncode == -9
    steps: list[int] = []
    graph = store_knn_graph(
        tmp_path / "graph", rows, 12, inputs=INPUTS, recall=0.9, progress=lambda d, t: steps.append(d)
    )
    assert steps[0] > 4096
    assert_same(graph, knn_graph(rows, 12, recall=0.9))


@pytest.mark.parametrize("n", [0, 1])
def test_no_neighbour_at_all(tmp_path: Path, n: int) -> None:
    graph = store_knn_graph(tmp_path / "graph", np.ones((n, 3), np.float32), 5, inputs=INPUTS)
    assert graph.neighbors.shape == (n, 0)


def test_memory_limit_changes_no_byte(method: str) -> None:
    rows = rows_with_copies()
    limited = knn_graph(rows, 12, recall=0.9, memory_limit=300_000_000)
    assert_same(limited, knn_graph(rows, 12, recall=0.9))


@pytest.mark.usefixtures("method")
@pytest.mark.parametrize(
    ("limit", "message"), [(0, "memory_limit is 0: wanted"), (-5, "memory_limit is -5: wanted")]
)
def test_bad_limits_are_named(limit: Any, message: str) -> None:
    with pytest.raises(VectorError, match=message):
        knn_graph(rows_with_copies(), 12, memory_limit=limit)


def test_a_limit_below_the_codes_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_plan, "EXACT_BELOW", 0)
    with pytest.raises(VectorError, match=r"memory_limit is 1,000 bytes: a graph of .* rows needs"):
        knn_graph(rows_with_copies(), 12, memory_limit=1000)
