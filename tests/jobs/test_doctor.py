"""The doctor finds each kind of damage, mends what can be mended, and touches no label."""

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from curator.errors import CuratorError, MissingWorkError
from curator.jobs.doctor import doctor
from curator.jobs.embed import embed
from curator.jobs.labels import export_labels
from curator.jobs.propagate import propagate
from curator.jobs.status import status
from curator.store import Workspace
from curator_cli import main

from .conftest import ProjectionEncoder

Damage = Callable[[Path], object]


@pytest.fixture
def whole(workspace: Workspace, encoder: ProjectionEncoder) -> Workspace:
    """A workspace with embeddings, labels and a propagation."""
    embed(workspace, labels_from_folders=True)
    propagate(workspace)
    return workspace


def found(workspace: Workspace) -> dict[str, str]:
    """What the doctor says, by check."""
    return {finding.check: finding.what for finding in doctor(workspace.folder).findings}


def only(folder: Path, pattern: str) -> Path:
    (path,) = folder.rglob(pattern)
    return path


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_nothing_is_wrong_with_a_whole_workspace(whole: Workspace) -> None:
    assert doctor(whole.folder).findings == []
    assert doctor(whole.folder, contents=True).healthy


DAMAGES: dict[str, tuple[str, Damage]] = {
    "vectors flipped": ("vectors", lambda folder: flip(only(folder, "vectors.f16"))),
    "vectors gone": ("vectors", lambda folder: only(folder, "vectors.f16").unlink()),
    "embeddings flipped": ("artifacts", lambda folder: flip(only(folder, "embeddings.npy"))),
    "graph gone": ("artifacts", lambda folder: only(folder, "neighbors.npy").unlink()),
    "manifest cut": ("artifacts", lambda folder: os.truncate(only(folder, "index/manifest.json"), 9)),
    "propagation longer": ("artifacts", lambda folder: _append(only(folder, "probabilities.npy"))),
}


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found_and_repaired(whole: Workspace, name: str) -> None:
    check, damage = DAMAGES[name]
    labels = export_labels(whole, None)
    damage(whole.folder)
    assert check in found(whole)
    assert not doctor(whole.folder).healthy, "looking repairs nothing"
    assert doctor(whole.folder, repair=True).healthy
    assert doctor(whole.folder).healthy
    embed(whole)
    propagate(whole)
    assert doctor(whole.folder).findings == []
    assert status(whole).stale == []
    assert export_labels(whole, None).equals(labels)


def test_what_killed_commands_leave_is_named_and_removed(whole: Workspace) -> None:
    graph = only(whole.folder, "graph")
    for number in range(3):
        (graph / f"data-{number}").mkdir()
        os.utime(graph / f"data-{number}", (number, number))
    (whole.folder / ".broken.123.tmp.csv").touch()
    (whole.folder / "lock.json").write_text(json.dumps({"pid": 1, "verb": "embed"}))
    with closing(sqlite3.connect(whole.folder / "curator.db")) as connection, connection:
        connection.execute("UPDATE run SET state = 'running', finished_at = NULL WHERE verb = 'propagate'")
    diagnosis = doctor(whole.folder)
    assert diagnosis.healthy, "all of it is harmless"
    assert sorted(finding.check for finding in diagnosis.findings) == ["leftovers"] * 4 + ["runs"]
    assert all(finding.repaired for finding in doctor(whole.folder, repair=True).findings)
    assert "leftovers" not in found(whole)
    assert "runs" not in found(whole)


def test_images_gone_and_changed_are_named(whole: Workspace, photos: Path) -> None:
    (photos / "cat" / "00.png").unlink()
    os.utime(photos / "dog" / "01.png", ns=(5, 5))
    said = [finding.what for finding in doctor(whole.folder).findings]
    assert said == [
        "1 images are gone since they were embedded: cat/00.png",
        "1 images have changed since they were embedded: dog/01.png",
    ]


def test_a_decayed_image_is_found_by_its_contents(whole: Workspace, photos: Path) -> None:
    path = photos / "eel" / "03.png"
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert found(whole) == {}
    (finding,) = doctor(whole.folder, contents=True).findings
    assert (finding.check, finding.where) == ("contents", str(path))


@pytest.mark.parametrize("changed", ["cat", "folders"])
def test_a_letter_changed_in_a_label_is_found(whole: Workspace, changed: str) -> None:
    path = whole.folder / "curator.db"
    whole.database.close()
    data = path.read_bytes()
    place = data.index(f"{changed}folders".encode()) if changed == "cat" else data.index(b"catfolders") + 3
    path.write_bytes(data[:place] + b"X" + data[place + 1 :])
    (finding, *_) = doctor(whole.folder).findings
    assert finding.check == "database"
    assert "index" in finding.what
    assert "restore it from a copy" in finding.advice


def test_a_database_that_is_gone_is_not_made_anew(whole: Workspace, photos: Path) -> None:
    whole.database.close()
    path = whole.folder / "curator.db"
    lost = r"curator\.db, with all labels, is gone or empty: restore"
    for lose in (lambda: path.write_bytes(b""), path.unlink):
        lose()
        with pytest.raises(CuratorError, match=lost):
            Workspace.create(whole.folder, photos)
        with pytest.raises(CuratorError, match=lost):
            Workspace.open(whole.folder)
    assert not path.exists()


def test_a_backup_restores_every_label(whole: Workspace, tmp_path: Path) -> None:
    labels = export_labels(whole, None)
    assert doctor(whole.folder, backup=tmp_path / "copy.db").healthy
    with pytest.raises(CuratorError, match="name another file"):
        doctor(whole.folder, backup=tmp_path / "copy.db")
    whole.database.close()
    (whole.folder / "curator.db").write_bytes(b"rubbish")
    assert not doctor(whole.folder, backup=tmp_path / "other.db").healthy
    assert not (tmp_path / "other.db").exists(), "a damaged database is not copied over good ones"
    (tmp_path / "copy.db").replace(whole.folder / "curator.db")
    assert export_labels(Workspace.open(whole.folder), None).equals(labels)


def test_the_command_says_it_in_lines_and_in_json(whole: Workspace) -> None:
    flip(only(whole.folder, "neighbors.npy"))
    told = CliRunner().invoke(main, ["doctor", "-w", str(whole.folder), "--json"])
    assert told.exit_code == 1
    assert json.loads(told.stdout)["doctor"]["findings"][0]["check"] == "artifacts"
    mended = CliRunner().invoke(main, ["doctor", "-w", str(whole.folder), "--repair"])
    assert mended.exit_code == 0
    assert "repaired; run `curator embed" in mended.stdout


def test_no_workspace_no_doctor(tmp_path: Path) -> None:
    with pytest.raises(MissingWorkError):
        doctor(tmp_path)
