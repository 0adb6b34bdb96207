"""The last runs are kept, a few of them, and say afterwards what they said then."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import curator
from curator.errors import CuratorError, MissingWorkError
from curator.jobs.audit import audit
from curator.jobs.doctor import doctor
from curator.jobs.embed import embed
from curator.jobs.kept_runs import KEPT, kept_runs, run_table, runs_folder
from curator.jobs.labels import import_labels
from curator.jobs.propagate import propagate
from curator.store import Workspace

from .conftest import ProjectionEncoder


@pytest.fixture
def labelled(workspace: Workspace, encoder: ProjectionEncoder) -> Workspace:
    embed(workspace, labels_from_folders=True)
    return workspace


def relabel(workspace: Workspace, *paths: str, label: str = "eel") -> None:
    file = workspace.folder.parent / "said.csv"
    file.write_text("path,label\n" + "".join(f"{path},{label}\n" for path in paths))
    import_labels(workspace, file, annotator="ann")


def test_a_kept_run_is_the_table_that_was_returned(labelled: Workspace) -> None:
    frame = propagate(labelled)[1]
    kept = run_table(labelled, kept_runs(labelled, "propagate")[0])
    assert (kept.path == frame.path).all()
    assert (kept.predicted_label == frame.predicted_label).all()
    assert (kept.id == frame.id).all()
    np.testing.assert_allclose(kept.confidence, frame.confidence, atol=1e-6)


def test_the_last_two_runs_are_compared_image_by_image(labelled: Workspace) -> None:
    for paths in ((), ("cat/00.png", "dog/01.png")):
        relabel(labelled, *paths)
        propagate(labelled)
        audit(labelled)
    report, frame = curator.diff(workspace=labelled)
    assert (report.common, report.label, report.number) == (60, "predicted_label", "confidence")
    assert set(frame.path[frame.change == "relabelled"]) == {"cat/00.png", "dog/01.png"}
    assert set(frame.after[frame.change == "relabelled"]) == {"eel"}
    doubts = curator.diff(workspace=labelled, verb="audit")[0]
    assert (doubts.common, doubts.number) == (60, "error_probability")
    named = curator.diff("propagate:1", "propagate:2", workspace=labelled)[1]
    assert named.equals(frame)


def test_the_same_results_are_one_run(labelled: Workspace) -> None:
    for _ in range(3):
        propagate(labelled)
    assert [run.name for run in kept_runs(labelled, "propagate")] == ["propagate:1"]
    with pytest.raises(MissingWorkError, match="no two runs of propagate or audit"):
        curator.diff(workspace=labelled)


def test_no_more_than_the_last_runs_are_kept(labelled: Workspace) -> None:
    for number in range(KEPT + 2):
        relabel(labelled, "cat/00.png", label=f"kind {number}")
        propagate(labelled)
    assert [run.number for run in kept_runs(labelled, "propagate")] == list(range(3, KEPT + 3))
    with pytest.raises(CuratorError, match=r"no run 'propagate:2' any more.*kept are: propagate:3, "):
        curator.diff("propagate:2", "propagate:3", workspace=labelled)


def test_renamed_and_lost_images_are_still_known(labelled: Workspace, photos: Path) -> None:
    propagate(labelled)
    (photos / "cat" / "00.png").rename(photos / "cat" / "zz.png")
    (photos / "dog" / "00.png").unlink()
    embed(labelled)
    relabel(labelled, "cat/zz.png")
    propagate(labelled)
    report, frame = curator.diff(workspace=labelled)
    assert (report.disappeared, report.appeared) == (1, 0)
    assert "cat/zz.png" in set(frame.path[frame.change == "relabelled"])


def test_damaged_run_is_reported_and_stops_no_other(labelled: Workspace) -> None:
    propagate(labelled)
    file = next(runs_folder(labelled).rglob("labels.npy"))
    file.write_bytes(file.read_bytes()[:-1])
    (finding,) = [each for each in doctor(labelled.folder).findings if each.harm]
    assert "kept for `curator diff` alone" in finding.advice
    propagate(labelled)
    assert len(kept_runs(labelled, "propagate")) == 2
    doctor(labelled.folder, repair=True)
    assert [run.number for run in kept_runs(labelled, "propagate")] == [2]


def test_runs_may_be_removed_at_any_time(labelled: Workspace) -> None:
    propagate(labelled)
    shutil.rmtree(runs_folder(labelled))
    propagate(labelled)
    assert len(kept_runs(labelled, "propagate")) == 1


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [("propagate:1", None, "name two tables or runs"), ("query:1", "query:2", "cannot read query:1")],
)
def test_what_cannot_be_compared_says_so(
    before: str, after: str | None, complaint: str, labelled: Workspace
) -> None:
    with pytest.raises(CuratorError, match=complaint):
        curator.diff(before, after, workspace=labelled)
