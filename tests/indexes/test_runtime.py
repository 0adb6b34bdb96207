from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import curator_indexes
from curator_indexes import VectorError, runtime
from curator_indexes._blocks import for_each_block, in_one_thread


def test_threads_follow_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURATOR_THREADS", "3")
    assert runtime.usable_cpus() == 3
    monkeypatch.setenv("CURATOR_THREADS", "")
    assert 1 <= runtime.usable_cpus() <= (os.cpu_count() or 1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity")
def test_threads_follow_the_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CURATOR_THREADS", raising=False)
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert runtime.usable_cpus() == 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5"])
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CURATOR_THREADS", value)
    with pytest.raises(VectorError, match=f"CURATOR_THREADS is '{value}': wanted a whole number"):
        runtime.usable_cpus()


def test_faiss_is_limited_in_the_worker_only() -> None:
    faiss = runtime.load_faiss()
    before, inside = faiss.omp_get_max_threads(), []
    in_one_thread(lambda: inside.append(faiss.omp_get_max_threads()))
    assert inside == [1]
    assert faiss.omp_get_max_threads() == before


def test_searches_for_a_few_dozen_rows_are_matrix_products() -> None:
    assert runtime.load_faiss().cvar.distance_compute_blas_threshold <= 4096


def test_torch_is_given_the_usable_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    before = runtime.load_torch().get_num_threads()
    monkeypatch.setenv("CURATOR_THREADS", "1")
    try:
        assert runtime.load_torch().get_num_threads() == 1
    finally:
        runtime.load_torch().set_num_threads(before)


def test_blocks_cover_every_row_once() -> None:
    seen = np.zeros(103, np.int64)

    def work(low: int, high: int) -> None:
        seen[low:high] += 1

    for_each_block(work, 103, 10)
    assert (seen == 1).all()


def test_an_error_in_a_block_is_raised_and_stops_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURATOR_THREADS", "2")
    first, calls, lock = threading.Event(), [], threading.Lock()

    def work(low: int, high: int) -> None:
        with lock:
            calls.append(low)
        if low == 0:
            raise ValueError("block 0")
        first.wait(0.01)

    with pytest.raises(ValueError, match="block 0"):
        for_each_block(work, 2000, 1)
    assert len(calls) < 2000


def test_import_loads_no_heavy_library() -> None:
    code = (
        "import sys, curator_indexes.artifacts, curator_indexes.build, curator_indexes.index\n"
        "print(sorted({'faiss', 'torch', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert result.stdout.strip() == "[]"


def test_exports_are_what_they_say() -> None:
    assert curator_indexes.__all__ == sorted(curator_indexes._HOMES)
    for name, home in curator_indexes._HOMES.items():
        exported = getattr(curator_indexes, name)
        assert exported.__module__ == f"curator_indexes.{home}"
    assert set(curator_indexes.__all__) <= set(dir(curator_indexes))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        curator_indexes.nothing  # noqa: B018
