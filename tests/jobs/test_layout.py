"""The stored map: made once, grown by newcomers, made anew where it no longer fits."""

from pathlib import Path

import numpy as np
import pytest

from curator.jobs import layout as layout_module
from curator.jobs.embed import embed
from curator.jobs.layout import make_layout, stored_layout
from curator.jobs.state import load_state
from curator.store import Workspace
from tests.jobs.conftest import ProjectionEncoder, picture


@pytest.fixture
def made(workspace: Workspace, encoder: ProjectionEncoder, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Embed; then count how often all is laid out, by a quick stand-in for UMAP."""
    calls: list[int] = []

    def quick(graph: object, *, embeddings: np.ndarray, seed: int) -> np.ndarray:
        calls.append(len(embeddings))
        return np.random.default_rng(seed).uniform(-1, 1, (len(embeddings), 2)).astype(np.float32)

    embed(workspace)
    monkeypatch.setattr(layout_module, "layout", quick)
    return calls


def test_it_is_made_once(workspace: Workspace, made: list[int]) -> None:
    assert stored_layout(load_state(workspace)) is None
    first = make_layout(workspace)
    assert np.array_equal(make_layout(workspace), first)
    assert made == [60]


def test_a_newcomer_moves_nobody(workspace: Workspace, photos: Path, made: list[int]) -> None:
    before = dict(zip(load_state(workspace).image_ids.tolist(), make_layout(workspace).tolist(), strict=True))
    picture(1, 999).save(photos / "dog" / "new.png")
    embed(workspace)
    state = load_state(workspace)
    after = stored_layout(state)
    assert after is not None
    places = dict(zip(state.image_ids.tolist(), after.tolist(), strict=True))
    assert {image: places[image] for image in before} == before
    assert np.isfinite(after).all()
    assert made == [60]


def test_many_newcomers_need_a_new_map(workspace: Workspace, photos: Path, made: list[int]) -> None:
    make_layout(workspace)
    for seed in range(30):
        picture(2, 1000 + seed).save(photos / "eel" / f"new{seed}.png")
    embed(workspace)
    assert stored_layout(load_state(workspace)) is None
    assert len(make_layout(workspace)) == 90
    assert made == [60, 90]


def test_a_damaged_map_is_made_anew(workspace: Workspace, made: list[int]) -> None:
    make_layout(workspace)
    [stored] = (workspace.folder / "layout").glob("data-*/places.npy")
    stored.write_bytes(stored.read_bytes()[:-4])
    assert stored_layout(load_state(workspace)) is None
    make_layout(workspace)
    assert made == [60, 60]
