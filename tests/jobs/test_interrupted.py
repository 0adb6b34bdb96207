"""What is between two steps of an interrupted run: every verb is right, or says what to run first."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from curator.errors import CuratorError, MissingWorkError
from curator.jobs import _artifacts, chosen_encoder
from curator.jobs import state as state_module
from curator.jobs.audit import audit
from curator.jobs.embed import embed
from curator.jobs.labels import export_labels, import_labels
from curator.jobs.propagate import propagate
from curator.jobs.query import query
from curator.jobs.state import load_state
from curator.jobs.status import status
from curator.store import Workspace
from curator_indexes.artifacts import Artifact
from tests.store.test_lock import HOLD

from .conftest import ProjectionEncoder, picture


@pytest.fixture
def labelled(workspace: Workspace, encoder: ProjectionEncoder) -> Workspace:
    embed(workspace, labels_from_folders=True)
    propagate(workspace)
    return workspace


def stop_at(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def stop(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_artifacts, step, stop)


def switch_encoder(monkeypatch: pytest.MonkeyPatch, encoder: ProjectionEncoder) -> None:
    monkeypatch.setattr(chosen_encoder, "load_encoder", lambda *_args, **_options: encoder)


def test_new_embeddings_are_never_used_with_the_old_graph(
    monkeypatch: pytest.MonkeyPatch, labelled: Workspace, photos: Path
) -> None:
    (photos / "cat" / "00.png").rename(photos / "zebra.png")  # as many rows, each at another place
    with monkeypatch.context() as patched:
        stop_at(patched, "_build_graph")
        with pytest.raises(KeyboardInterrupt):
            embed(labelled)
    for verb in (propagate, audit, lambda workspace: query(workspace, 3)):
        with pytest.raises(MissingWorkError, match="the kNN graph is not that of the newest embeddings"):
            verb(labelled)
    assert any("kNN graph" in line for line in status(labelled).stale)
    embed(labelled)
    assert not status(labelled).propagated


def test_while_another_command_exchanges_them_it_is_named(
    monkeypatch: pytest.MonkeyPatch, labelled: Workspace, photos: Path
) -> None:
    (photos / "cat" / "00.png").rename(photos / "zebra.png")
    with monkeypatch.context() as patched:
        stop_at(patched, "_build_graph")
        with pytest.raises(KeyboardInterrupt):
            embed(labelled)
    command = [sys.executable, "-c", HOLD, str(labelled.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(CuratorError, match=rf"embed` \(process {holder.pid}\) is writing to"):
            query(labelled, 3)
        holder.kill()


def test_a_graph_exchanged_while_it_is_read_is_read_anew(
    monkeypatch: pytest.MonkeyPatch, labelled: Workspace, encoder: ProjectionEncoder, photos: Path
) -> None:
    (photos / "cat" / "00.png").rename(photos / "zebra.png")
    read = _artifacts.load_embeddings
    calls: list[int] = []

    def slowly(workspace: Workspace, fingerprint: str | None = None) -> Artifact:
        found = read(workspace, fingerprint)
        if not calls:
            calls.append(1)
            embed(labelled)  # as another process might, just now
        return found

    monkeypatch.setattr(state_module, "load_embeddings", slowly)
    assert "zebra.png" in {image.path for image in load_state(labelled).images(np.arange(60))}


def test_another_graph_makes_the_propagation_stale(labelled: Workspace) -> None:
    assert status(labelled).propagated
    embed(labelled, k=3)
    assert not status(labelled).propagated
    assert any("curator propagate" in line for line in status(labelled).stale)


@pytest.mark.parametrize("step", ["_build_embeddings", "_build_graph"])
def test_an_interrupted_change_of_encoder_leaves_the_former_one(
    monkeypatch: pytest.MonkeyPatch, labelled: Workspace, step: str
) -> None:
    before = export_labels(labelled, None)
    with monkeypatch.context() as patched:
        switch_encoder(patched, ProjectionEncoder(dim=12))
        stop_at(patched, step)
        with pytest.raises(KeyboardInterrupt):
            embed(labelled)
    assert status(labelled).stale == []
    assert propagate(labelled)[0].images == 60
    assert export_labels(labelled, None).equals(before)


def test_trying_another_encoder_loses_no_label_and_refuses_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, labelled: Workspace
) -> None:
    before = export_labels(labelled, None)
    other = ProjectionEncoder(dim=12, fail_after=2)
    switch_encoder(monkeypatch, other)
    with pytest.raises(KeyboardInterrupt):
        embed(labelled)
    assert export_labels(labelled, None).equals(before)
    (tmp_path / "one.csv").write_text("path,label\neel/19.png,fish\n")
    assert import_labels(labelled, tmp_path / "one.csv").labels == 1
    other.fail_after = None
    assert embed(labelled).embedded == 60 - 2 * other.batch_size


def test_a_labelled_image_renamed_over_another_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    workspace: Workspace,
    encoder: ProjectionEncoder,
    photos: Path,
) -> None:
    embed(workspace)
    (tmp_path / "one.csv").write_text("path,label\ncat/00.png,tabby\ndog/00.png,rex\n")
    import_labels(workspace, tmp_path / "one.csv")
    (photos / "cat" / "00.png").replace(photos / "dog" / "05.png")
    with monkeypatch.context() as patched:
        stop_at(patched, "_build_embeddings")
        with pytest.raises(KeyboardInterrupt):
            embed(workspace)
    assert len(query(workspace, 5)[1]) == 5
    embed(workspace)
    assert {row.path: row.label for row in workspace.labels.rows()} == {
        "dog/05.png": "tabby",
        "dog/00.png": "rex",
    }


def test_an_unmounted_folder_forgets_nothing(labelled: Workspace, photos: Path, tmp_path: Path) -> None:
    before = export_labels(labelled, None)
    photos.rename(tmp_path / "away")
    photos.mkdir()
    with pytest.raises(CuratorError, match="there are no images"):
        embed(labelled)
    assert export_labels(labelled, None).equals(before)
    photos.rmdir()
    (tmp_path / "away").rename(photos)
    assert embed(labelled).embedded == 0


def test_what_was_chosen_is_remembered(labelled: Workspace, encoder: ProjectionEncoder, photos: Path) -> None:
    embed(labelled, k=7)
    picture(1, 99).save(photos / "new.png")
    embed(labelled)
    assert "61 x 7" in str(status(labelled).graph)


def test_a_label_goes_where_its_id_says(tmp_path: Path, labelled: Workspace, photos: Path) -> None:
    frame = export_labels(labelled, None)
    ids = dict(zip(frame.path, frame.id, strict=True))
    one, two = photos / "cat" / "00.png", photos / "cat" / "01.png"
    one.rename(photos / "x.png")
    two.rename(one)
    (photos / "x.png").rename(two)
    embed(labelled)
    (tmp_path / "filled.csv").write_text(f"path,label,id\ncat/00.png,first,{ids['cat/00.png']}\n")
    import_labels(labelled, tmp_path / "filled.csv")
    assert {row.label: row.path for row in labelled.labels.rows()}["first"] == "cat/01.png"
    (tmp_path / "lost.csv").write_text(f"path,label,id\ncat/00.png,first,{'0' * 32}\n")
    with pytest.raises(CuratorError, match=r"line 2: the image 'cat/00\.png' is another one now"):
        import_labels(labelled, tmp_path / "lost.csv")


@pytest.mark.parametrize("name", ["what?mode=ro", "50%25", "a#b", "ü & é", "x;y='z'"])
def test_any_folder_name_will_do(tmp_path: Path, encoder: ProjectionEncoder, photos: Path, name: str) -> None:
    workspace = Workspace.create(tmp_path / name / ".curator", photos)
    embed(workspace)
    assert (tmp_path / name / ".curator" / "curator.db").stat().st_size > 0
    assert Workspace.open(tmp_path / name / ".curator").catalog.counts()["ready"] == 60


def test_no_workspace_is_made_among_the_images(photos: Path) -> None:
    with pytest.raises(CuratorError, match="would lie among the images"):
        Workspace.create(photos / ".curator", photos)
    assert not (photos / ".curator").exists()


def test_a_workspace_above_is_found(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    workspace: Workspace,
    encoder: ProjectionEncoder,
    photos: Path,
) -> None:
    embed(workspace)
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert Workspace.place_for(photos).resolve() == workspace.folder
    (tmp_path / "others").mkdir()
    assert Workspace.place_for(tmp_path / "others") == Path(".curator")


def test_hints_can_be_pasted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoder: ProjectionEncoder
) -> None:
    (tmp_path / "my photos").mkdir()
    picture(0, 0).save(tmp_path / "my photos" / "a.png")
    workspace = Workspace.create(tmp_path / "w s", tmp_path / "my photos")
    monkeypatch.chdir(tmp_path)
    assert status(workspace).next_step == f"curator embed '{tmp_path}/my photos' -w '{tmp_path}/w s'"
