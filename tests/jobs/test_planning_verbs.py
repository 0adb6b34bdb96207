"""split, next and simulate on a workspace."""

import re
from pathlib import Path

import pandas as pd
import pytest

import curator
from curator.errors import CuratorError
from curator.jobs.audit import audit
from curator.jobs.embed import embed
from curator.jobs.status import status
from curator.store import Workspace

from .conftest import ProjectionEncoder, picture


@pytest.fixture
def labelled(workspace: Workspace, encoder: ProjectionEncoder) -> Workspace:
    embed(workspace, labels_from_folders=True)
    return workspace


def test_splits_keep_copies_together_and_classes_in_their_shares(
    tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder, photos: Path
) -> None:
    for number in range(6):
        copy = photos / "cat" / f"copy{number}.png"
        copy.write_bytes((photos / "cat" / "03.png").read_bytes())
    embed(workspace, labels_from_folders=True)
    report, frame = curator.split(workspace, train=0.5, validation=0.25, test=0.25, output=tmp_path / "s.csv")
    assert report.counts == frame.split.value_counts().to_dict()
    assert sum(report.counts.values()) == 66
    copies = frame[frame.path.str.contains("copy") | (frame.path == "cat/03.png")]
    assert copies.split.nunique() == 1
    assert report.missing == []
    dogs = frame[frame.given_label == "dog"].split.value_counts()
    assert dogs.to_dict() == {"train": 10, "validation": 5, "test": 5}
    assert list(pd.read_csv(tmp_path / "s.csv").columns) == list(frame.columns)
    pd.testing.assert_frame_equal(curator.split(workspace, train=0.5, validation=0.25, test=0.25)[1], frame)


def test_a_column_of_the_user_keeps_images_together(tmp_path: Path, labelled: Workspace) -> None:
    paths = [row.path for row in labelled.catalog.ready()]
    file = tmp_path / "patients.csv"
    rows = [f"{path},{'' if number < 6 else number // 6}" for number, path in enumerate(paths)]
    file.write_text("\n".join(["filename,patient", *rows]))
    frame = curator.split(labelled, group_column=f"{file}:patient")[1]
    patient = [number // 6 for number in range(60)]
    assert (frame.split.groupby(patient).nunique()[1:] == 1).all()
    assert frame.group.groupby(patient).nunique()[0] > 1, "an empty cell is no group"
    file.write_text("\n".join(["filename,patient", *rows[:-1]]))
    for column, said in (
        (f"{file}:patient", "says nothing of 1 images, such as eel/19.png"),
        (f"{file}:age", "has no column 'age'"),
        ("patient", r"wanted FILE\.csv:column"),
        (f"{tmp_path / 'none.csv'}:patient", "cannot read"),
    ):
        with pytest.raises(CuratorError, match=said):
            curator.split(labelled, group_column=column)


def test_shares_are_checked(labelled: Workspace) -> None:
    with pytest.raises(CuratorError, match="with a sum of 1"):
        curator.split(labelled, train=0.9)


def test_next_follows_the_loop(workspace: Workspace, encoder: ProjectionEncoder, photos: Path) -> None:
    assert curator.next_step(workspace).action == "embed"
    embed(workspace)
    assert curator.next_step(workspace).command.startswith("curator query --budget 20 --output ")
    embed(workspace, labels_from_folders=True)
    assert curator.next_step(workspace).action == "audit"
    audit(workspace)
    assert curator.next_step(workspace).action == "duplicates"
    curator.duplicates(workspace)
    done = curator.next_step(workspace)
    assert (done.action, done.command) == ("nothing", "")
    assert status(workspace).next_step == f"nothing: {done.reason}"
    picture(0, 77).save(photos / "dog" / "late.png")
    embed(workspace)
    assert curator.next_step(workspace).action == "propagate"


def test_simulate_gives_a_table_and_a_plot(tmp_path: Path, labelled: Workspace) -> None:
    report, frame = curator.simulate(
        labelled, budgets=[3, 20], seeds=2, output=tmp_path / "s.csv", plot=tmp_path / "s.png"
    )
    assert list(frame.columns) == ["strategy", "budget", "accuracy", "standard_error", "seeds"]
    assert list(frame.budget) == [3, 20, 3, 20]
    assert frame.accuracy.between(0, 1).all()
    assert report.best in ("auto", "random")
    assert report.plot is not None
    assert re.match(rb"\x89PNG", (tmp_path / "s.png").read_bytes())
    with pytest.raises(CuratorError, match="--overwrite"):
        curator.simulate(labelled, plot=tmp_path / "s.png")


def test_without_matplotlib_the_hint_is_exact(
    tmp_path: Path, labelled: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(CuratorError, match=r"pip install 'curator\[plots\]'"):
        curator.simulate(labelled, plot=tmp_path / "s.png")
