"""`curator map` on a workspace."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import curator
from curator.errors import CuratorError, MissingWorkError
from curator.jobs.embed import embed
from curator.jobs.map import map_view
from curator.jobs.state import load_state
from curator.store import Workspace

from .conftest import ProjectionEncoder, picture


@pytest.fixture
def labelled(workspace: Workspace, encoder: ProjectionEncoder) -> Workspace:
    embed(workspace, labels_from_folders=True)
    return workspace


def test_a_picture_and_a_page_of_the_same_map(tmp_path: Path, labelled: Workspace) -> None:
    drawn = curator.map_images(labelled, output=tmp_path / "m.png")
    assert (drawn.images, drawn.coloured, drawn.pictures) == (60, 60, 0)
    written = curator.map_images(labelled, color="doubt", output=tmp_path / "m.html")
    assert (written.coloured, written.pictures) == (60, 60)
    with Image.open(tmp_path / "m.png") as image:
        assert image.size == (1350, 990)
    first = (tmp_path / "m.png").read_bytes()
    curator.map_images(labelled, output=tmp_path / "m.png", overwrite=True)
    assert (tmp_path / "m.png").read_bytes() == first


def test_same_seed_same_places_and_a_newcomer_moves_nobody(
    labelled: Workspace, make_workspace: "object", photos: Path
) -> None:
    before = load_state(labelled)
    places = map_view(before, "label", seed=3).places
    other = make_workspace("other")  # type: ignore[operator]
    embed(other)
    assert np.array_equal(map_view(load_state(other), "label", seed=3).places, places)
    picture(0, 500).save(photos / "cat" / "new.png")
    embed(labelled)
    after = load_state(labelled)
    old = np.isin(after.image_ids, before.image_ids)
    assert np.array_equal(map_view(after, "label").places[old], places)


def test_proposals_fill_the_gaps_and_doubts_need_labels(
    tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder
) -> None:
    embed(workspace)
    state = load_state(workspace)
    assert (map_view(state, "proposed").labels == -1).all()
    with pytest.raises(MissingWorkError, match="no labels to audit"):
        curator.map_images(workspace, color="doubt", output=tmp_path / "m.png")
    assert not (tmp_path / "m.png").exists()
    (tmp_path / "labels.csv").write_text("path,label\ncat/00.png,cat\ndog/00.png,dog\n")
    from curator.jobs.labels import import_labels

    import_labels(workspace, tmp_path / "labels.csv")
    proposed = map_view(load_state(workspace), "proposed").labels
    assert set(proposed.tolist()) == {0, 1}


def test_an_image_that_is_gone_leaves_a_gap(tmp_path: Path, labelled: Workspace, photos: Path) -> None:
    (photos / "cat" / "00.png").unlink()
    assert curator.map_images(labelled, output=tmp_path / "m.html").pictures == 59


@pytest.mark.parametrize(
    ("color", "name", "said"),
    [("hue", "m.png", "wanted label, proposed, doubt"), ("label", "m.csv", "neither a .png nor an .html")],
)
def test_what_cannot_be_drawn_is_said(
    tmp_path: Path, labelled: Workspace, color: str, name: str, said: str
) -> None:
    with pytest.raises(CuratorError, match=said):
        curator.map_images(labelled, color=color, output=tmp_path / name)
    (tmp_path / "m.html").touch()
    with pytest.raises(CuratorError, match="--overwrite"):
        curator.map_images(labelled, output=tmp_path / "m.html")


def test_one_image_has_a_map(tmp_path: Path, encoder: ProjectionEncoder) -> None:
    (tmp_path / "one").mkdir()
    picture(0, 0).save(tmp_path / "one" / "a.png")
    workspace = Workspace.create(tmp_path / ".curator", tmp_path / "one")
    embed(workspace)
    for name in ("m.png", "m.html"):
        assert curator.map_images(workspace, output=tmp_path / name).images == 1
