"""A second `embed` after a few changes: index and graph follow instead of being built anew."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from curator.jobs import _regrowth
from curator.jobs.embed import embed
from curator.jobs.state import load_state
from curator.store import Workspace
from curator_indexes import KnnGraph, VectorIndex, _effort, _plan, knn_graph, regrow

from .conftest import ProjectionEncoder, picture

K = 10


@pytest.fixture
def regrown(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were new or changed, each time that a graph was regrown; lists even for a few rows."""
    calls = []

    def spied(
        graph: KnnGraph, index: VectorIndex, rows: NDArray[Any], origin: NDArray[Any]
    ) -> tuple[KnnGraph, VectorIndex]:
        calls.append(int((origin < 0).sum()))
        return regrow(graph, index, rows, origin)

    monkeypatch.setattr(_regrowth, "regrow", spied)
    monkeypatch.setattr(_plan, "EXACT_BELOW", 0)
    monkeypatch.setattr(_effort, "PRODUCT_COST", np.inf)
    return calls


def recall(workspace: Workspace) -> float:
    """Share of the true neighbours, by similarity, in the stored graph."""
    state = load_state(workspace)
    graph, true = state.graph, knn_graph(np.asarray(state.embeddings), K, recall=1)
    assert isinstance(graph, KnnGraph)
    assert graph.n == len(state.embeddings)
    return float((graph.similarities >= true.similarities[:, -1:] - 1e-5).mean())


def test_a_few_changes_are_followed(
    workspace: Workspace, encoder: ProjectionEncoder, photos: Path, regrown: list[int]
) -> None:
    for seed in range(100, 300):
        picture(seed % 3, seed).save(photos / f"{seed}.png")
    embed(workspace, k=K)
    (photos / "cat" / "00.png").unlink()
    (photos / "dog" / "00.png").rename(photos / "a renamed one.png")
    picture(1, 99).save(photos / "dog" / "01.png")
    picture(2, 98).save(photos / "new.png")
    embed(workspace)
    assert regrown == [2]
    assert recall(workspace) >= 0.95
    (photos / "new.png").unlink()
    embed(workspace)  # on from what was stored the last time
    assert regrown == [2, 0]
    assert recall(workspace) >= 0.95
    embed(workspace)
    assert regrown == [2, 0]


def test_many_changes_or_another_k_build_anew(
    workspace: Workspace, encoder: ProjectionEncoder, photos: Path, regrown: list[int]
) -> None:
    embed(workspace, k=K)
    for seed in range(100, 130):
        picture(seed % 3, seed).save(photos / f"{seed}.png")
    embed(workspace)
    picture(1, 99).save(photos / "one more.png")
    embed(workspace, k=5)
    assert regrown == []
    assert load_state(workspace).graph.neighbors.shape == (91, 5)
