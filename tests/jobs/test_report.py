"""`curator report` on a workspace: with labels, without, of one image, of files that broke since."""

import shutil
from pathlib import Path

import pytest

import curator
from curator.errors import CuratorError, MissingWorkError
from curator.jobs.audit import audit
from curator.jobs.embed import embed
from curator.jobs.labels import import_labels
from curator.store import Workspace

from .conftest import ProjectionEncoder, picture

MARKUP = "<img src=x onerror=alert(1)>"


def test_it_says_what_the_verbs_say(tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder) -> None:
    embed(workspace, labels_from_folders=True)
    page = tmp_path / "r.html"
    summary = curator.report(workspace, output=page)
    assert (summary.images, summary.sections, summary.size) == (60, 11, page.stat().st_size)
    assert summary.unmade == ["faults"]
    text = page.read_text(encoding="utf-8")
    assert "<code>curator faults</code>" in text
    assert summary.next_step == curator.next_step(workspace).command
    doubted = audit(workspace)[0]
    assert f"{doubted.errors_low:,.0f} to {doubted.errors_high:,.0f}" in text
    curator.faults(workspace)
    assert curator.report(workspace, output=page, overwrite=True).unmade == []


def test_without_labels_it_says_what_to_run(
    tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder
) -> None:
    embed(workspace)
    summary = curator.report(workspace, output=tmp_path / "r.html")
    assert summary.unmade == ["issues", "faults", "gain", "trial"]
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "no image has a label" in text
    assert "curator query --budget 20" in text


def test_hostile_names_and_files_that_broke_since(
    tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder, photos: Path
) -> None:
    (photos / MARKUP).mkdir()
    for number in range(3):
        picture(1, number).save(
            photos / MARKUP / f"{number}{MARKUP}.png"
        )  # copies of dogs, under another label
    (photos / "broken.jpg").write_bytes(b"no image")
    embed(workspace, labels_from_folders=True)
    (photos / MARKUP / f"1{MARKUP}.png").write_bytes(b"broken since")
    curator.report(workspace, output=tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert MARKUP not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "cannot be read any more" in text
    assert "broken.jpg" in text


def test_a_suspect_without_a_labelled_neighbour_says_so(
    tmp_path: Path,
    workspace: Workspace,
    encoder: ProjectionEncoder,
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copy(photos / "cat" / "00.png", photos / "dog" / "copy.png")
    embed(workspace)
    (tmp_path / "two.csv").write_text("path,label\ncat/00.png,cat\ndog/copy.png,dog\n")
    import_labels(workspace, tmp_path / "two.csv")
    said = "by other at k = 5, 10, 20 of 5, 10, 20, 50"
    monkeypatch.setattr("curator.jobs.audit.second_opinions", lambda _state, rows: [said for _ in rows])
    curator.report(workspace, output=tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert text.count("no neighbour is labelled, besides near duplicates<") == 2
    assert "by other" not in text


def test_one_image_has_a_report(tmp_path: Path, encoder: ProjectionEncoder) -> None:
    (tmp_path / "one").mkdir()
    picture(0, 0).save(tmp_path / "one" / "a.png")
    workspace = Workspace.create(tmp_path / ".curator", tmp_path / "one")
    embed(workspace)
    summary = curator.report(workspace, output=tmp_path / "r.html")
    assert summary.images == 1
    assert "all 8 x 8 pixels" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_it_refuses_before_it_works(tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder) -> None:
    with pytest.raises(MissingWorkError):
        curator.report(workspace, output=tmp_path / "r.html")
    (tmp_path / "r.html").touch()
    with pytest.raises(CuratorError, match="--overwrite"):
        curator.report(workspace, output=tmp_path / "r.html")
    with pytest.raises(CuratorError, match=r"no \.html file"):
        curator.report(workspace, output=tmp_path / "r.pdf")
