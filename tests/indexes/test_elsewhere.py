"""Blocks of a graph worked on by others, who share nothing but files: the bytes of the graph built here."""

import pickle
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from curator_indexes import KnnGraph, VectorError, VectorIndex, _elsewhere, knn_graph, store_knn_graph
from tests.indexes.test_stored import INPUTS, assert_same, method, rows_with_copies

__all__ = ["method"]  # the fixture

Result = TypeVar("Result")


class Others:
    """Stands in for two other machines, each with its copy of the work, which has opened nothing yet."""

    def __init__(self, die_after: int | None = None) -> None:
        self.spans: list[tuple[int, int]] = []
        self.works: set[str] = set()
        self._die_after = die_after

    def __call__(
        self, work: Callable[[int, int], Result], spans: Iterable[tuple[int, int]]
    ) -> Iterator[Result]:
        machines = [pickle.loads(pickle.dumps(work)) for _ in range(2)]
        self.works.add(type(work).__name__)
        for span in spans:
            if len(self.spans) == self._die_after:
                raise KeyboardInterrupt
            self.spans.append(span)
            yield machines[len(self.spans) % 2](*span)


@pytest.fixture
def stored_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NDArray[np.float16]:
    """Embeddings in a file, memory-mapped; tasks are of one block."""
    monkeypatch.setattr(_elsewhere, "_BLOCKS_A_TASK", 1)
    np.save(tmp_path / "rows.npy", rows_with_copies())
    mapped: NDArray[np.float16] = np.load(tmp_path / "rows.npy", mmap_mode="r")
    return mapped


def build(folder: Path, rows: NDArray[Any], others: Others) -> KnnGraph:
    return store_knn_graph(folder, rows, 12, inputs=INPUTS, recall=0.9, map_blocks=others)


def test_the_graph_is_that_of_one_machine(
    tmp_path: Path, method: str, stored_rows: NDArray[np.float16]
) -> None:
    others = Others()
    assert_same(build(tmp_path / "graph", stored_rows, others), knn_graph(stored_rows, 12, recall=0.9))
    assert "Searching" in others.works
    assert ("Coding" in others.works) == (method == "inverted lists")


@pytest.mark.parametrize("after", [1, 4])
def test_it_goes_on_after_a_kill(
    tmp_path: Path, method: str, stored_rows: NDArray[np.float16], after: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path / "graph", stored_rows, Others(after))
    others = Others()
    graph = build(tmp_path / "graph", stored_rows, others)
    assert_same(graph, knn_graph(stored_rows, 12, recall=0.9))
    whole = Others()
    build(tmp_path / "another", stored_rows, whole)
    assert len(others.spans) < len(whole.spans)


def test_the_index_is_that_of_one_machine(
    tmp_path: Path, method: str, stored_rows: NDArray[np.float16]
) -> None:
    here, there = VectorIndex.build(stored_rows), VectorIndex.build(stored_rows, map_blocks=Others())
    for index, name in ((here, "here"), (there, "there")):
        index.save(tmp_path / name, INPUTS)
    files = [
        {path.name: path.read_bytes() for path in (tmp_path / name).glob("data-*/*")}
        for name in ("here", "there")
    ]
    assert files[0] == files[1]


def test_rows_in_memory_are_worked_on_here(tmp_path: Path) -> None:
    others = Others()
    build(tmp_path / "graph", rows_with_copies(), others)
    assert others.spans == []


def test_another_file_under_the_same_path_is_refused(
    tmp_path: Path, stored_rows: NDArray[np.float16]
) -> None:
    class Elsewhere(Others):
        def __call__(self, work: Any, spans: Any) -> Any:
            (tmp_path / "rows.npy").unlink()
            np.save(tmp_path / "rows.npy", stored_rows[::-1])
            return super().__call__(work, spans)

    with pytest.raises(VectorError, match=r"rows\.npy on .* is another file"):
        build(tmp_path / "graph", stored_rows, Elsewhere())


def test_a_machine_that_sees_no_file_is_named(tmp_path: Path, stored_rows: NDArray[np.float16]) -> None:
    class Elsewhere(Others):
        def __call__(self, work: Any, spans: Any) -> Any:
            (tmp_path / "rows.npy").unlink()
            return super().__call__(work, spans)

    with pytest.raises(VectorError, match=r"cannot read .*rows\.npy .* under the same path"):
        build(tmp_path / "graph", stored_rows, Elsewhere())
