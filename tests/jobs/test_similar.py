"""The images most like a given one."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from curator.errors import CuratorError, MissingWorkError
from curator.jobs import chosen_encoder
from curator.jobs.embed import embed
from curator.jobs.similar import similar
from curator.store import Workspace

from .conftest import ProjectionEncoder, picture


@pytest.fixture
def labelled(workspace: Workspace, encoder: ProjectionEncoder) -> Workspace:
    embed(workspace, labels_from_folders=True)
    return workspace


def test_an_image_finds_itself_then_its_kind(tmp_path: Path, labelled: Workspace, photos: Path) -> None:
    frame = similar(labelled, photos / "dog" / "03.png", count=8, output=tmp_path / "similar.csv")
    assert frame.path[0] == "dog/03.png"
    assert frame.similarity[0] == pytest.approx(1, abs=1e-3)
    assert set(frame.given_label) == {"dog"}
    assert list(frame.similarity) == sorted(frame.similarity, reverse=True)
    assert list(pd.read_csv(tmp_path / "similar.csv").path) == list(frame.path)


def test_any_file_will_do(tmp_path: Path, labelled: Workspace) -> None:
    picture(2, 77).save(tmp_path / "new.png")
    assert set(similar(labelled, tmp_path / "new.png", count=20).given_label) == {"eel"}


def test_more_than_there_are_is_all(labelled: Workspace, photos: Path) -> None:
    frame = similar(labelled, photos / "cat" / "00.png", count=1000)
    assert sorted(frame.path) == sorted(row.path for row in labelled.catalog.ready())
    assert np.array_equal(frame["rank"], np.arange(1, 61))


def test_what_cannot_be_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, labelled: Workspace, photos: Path
) -> None:
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(CuratorError, match=r"text\.png does not begin as"):
        similar(labelled, tmp_path / "text.png")
    with pytest.raises(CuratorError, match=r"none\.png is gone"):
        similar(labelled, tmp_path / "none.png")
    with pytest.raises(CuratorError, match="there is no folder"):
        similar(labelled, photos / "cat" / "00.png", output=tmp_path / "x" / "y.csv")
    monkeypatch.setattr(chosen_encoder, "load_encoder", lambda *_args, **_options: ProjectionEncoder(dim=12))
    with pytest.raises(CuratorError, match="is not what the embeddings here were made with"):
        similar(labelled, photos / "cat" / "00.png")


def test_before_the_first_embed(workspace: Workspace, photos: Path) -> None:
    with pytest.raises(MissingWorkError):
        similar(workspace, photos / "cat" / "00.png")
