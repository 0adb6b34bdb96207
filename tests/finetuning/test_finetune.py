"""The job: better embeddings take over and can be gone back from; anything else leaves all as it was."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from curator.errors import CuratorError, MissingWorkError
from curator.finetuning import FinetuneConfig, Moment
from curator.jobs._propagation import probabilities
from curator.jobs.embed import embed
from curator.jobs.encoders import list_encoders, use_encoder
from curator.jobs.finetune import finetune
from curator.jobs.labels import import_labels
from curator.jobs.predict import predict
from curator.jobs.propagate import propagate
from curator.jobs.state import load_state
from curator.jobs.status import status
from curator.store import Workspace
from curator_cli import main

from ._pictures import save_pictures

QUICK = FinetuneConfig(steps=100, views=2, folds=3, flip=False)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 240 pictures, embedded once by the bundled encoder."""
    folder = tmp_path_factory.mktemp("finetune")
    save_pictures(folder / "photos", 80)
    embed(Workspace.create(folder / "made", folder / "photos"), device="cpu", k=20)
    return folder


@pytest.fixture
def workspace(embedded: Path, tmp_path: Path) -> Workspace:
    """A copy of it all."""
    shutil.copytree(embedded, tmp_path / "copy")
    return Workspace.open(tmp_path / "copy" / "made")


def label(workspace: Workspace, *, at_random: bool = False) -> None:
    """Label every second image by its folder, or by the roll of a die."""
    paths = [row.path for row in workspace.catalog.ready()][::2]
    names = [path.split("/")[0] for path in paths]
    if at_random:
        names = np.random.default_rng(0).permutation(names).tolist()
    file = workspace.folder / "labels.csv"
    file.write_text("path,label\n" + "".join(f"{p},{n}\n" for p, n in zip(paths, names, strict=True)))
    import_labels(workspace, file)


def stored(workspace: Workspace) -> dict[str, bytes]:
    return {
        str(path.relative_to(workspace.folder)): path.read_bytes()
        for path in (workspace.folder / "encoders").rglob("*")
        if path.is_file()
    }


def accuracy(workspace: Workspace) -> float:
    """On the images without a label."""
    state = load_state(workspace)
    rows = np.flatnonzero(state.labels < 0)
    truth = np.array([state.names.index(row.path.split("/")[0]) for row in state.images(rows)])
    return float((probabilities(state)[rows].argmax(axis=1) == truth).mean())


def test_a_better_encoder_takes_over_and_the_way_back_restores_every_byte(
    workspace: Workspace, tmp_path: Path
) -> None:
    label(workspace)
    propagate(workspace)
    before, bytes_before, former = accuracy(workspace), stored(workspace), workspace.encoder
    moments: list[Moment] = []
    report = finetune(workspace, config=QUICK, device="cpu", tell=moments.append)
    assert report.kept
    assert report.p_value < 0.05
    assert report.after > report.before
    assert accuracy(workspace) > before + 0.05
    assert {moment.trial for moment in moments} == {1, 2, 3}
    assert status(workspace).stale == []
    assert status(workspace).propagated

    save_pictures(tmp_path / "new", 20, first_seed=500)
    (tmp_path / "new" / "broken.png").write_bytes(b"no image")
    found, frame = predict(workspace, tmp_path / "new", device="cpu")
    assert (found.by, found.images, len(found.unreadable)) == ("head", 60, 1)
    head_right = (frame["path"].str.split("/").str[0] == frame["predicted_label"]).mean()
    assert head_right > before

    assert embed(workspace, device="cpu").embedded == 0, "the next run goes on with the new encoder"
    use_encoder(workspace, report.former)
    assert workspace.encoder == former
    assert {name: data for name, data in stored(workspace).items() if name in bytes_before} == bytes_before
    assert accuracy(workspace) == before
    assert [each.current for each in list_encoders(workspace)] == [True, False]
    assert use_encoder(workspace, report.current).current


def test_labels_at_random_replace_nothing(workspace: Workspace) -> None:
    label(workspace, at_random=True)
    before, former = stored(workspace), workspace.encoder
    report = finetune(workspace, config=QUICK, device="cpu")
    assert not report.kept
    assert workspace.encoder == former
    assert stored(workspace) == before
    assert not list(workspace.folder.glob("finetun*"))


def test_a_folder_that_is_gone_is_no_set_of_black_images(workspace: Workspace) -> None:
    label(workspace)
    shutil.rmtree(workspace.images)
    with pytest.raises(CuratorError, match="none of the images"):
        finetune(workspace, config=QUICK, device="cpu")


def test_too_few_labels_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("path,label\nbars/000.png,bars\ndots/000.png,dots\n")
    import_labels(workspace, tmp_path / "few.csv")
    with pytest.raises(CuratorError, match="2 labels of 2 classes are too few"):
        finetune(workspace, config=QUICK, device="cpu")


KILLED = """
import importlib, os, signal, sys
from pathlib import Path
from curator.encoders.finetuned import adapted
from curator.finetuning import FinetuneConfig, Tuned, Verdict
from curator.finetuning.tune import Calibration
from curator.jobs import finetune as module
from curator.store import Workspace
def deadly(*_args, **_options):
    os.kill(os.getpid(), signal.SIGKILL)
def at_once(material, description, _config, **_options):
    network = adapted(material.encoder.network, material.encoder.spec, description)
    return Tuned(Verdict(10, 0.1, 0.9, 8, 0, 0.004), 0.9, network, 0.1, Calibration())
place, name = sys.argv[2:]
if name != "tell":
    module.tune = at_once
    setattr(importlib.import_module(place), name, deadly)
config = FinetuneConfig(steps=20, views=1, folds=3, flip=False)
module.finetune(Workspace.open(Path(sys.argv[1])), config=config, device="cpu", tell=deadly)
"""
MOMENTS = [
    ("curator.jobs.finetune", "tell"),
    ("curator.jobs.finetune", "save_finetuned"),
    ("curator.jobs.embed", "remember_choice"),
]


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment[1])
def test_killed_at_any_moment_it_leaves_what_was_there(workspace: Workspace, moment: tuple[str, str]) -> None:
    label(workspace)
    propagate(workspace)
    before, former = stored(workspace), workspace.encoder
    command = [sys.executable, "-c", KILLED, str(workspace.folder), *moment]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert workspace.encoder == former
    assert {name: data for name, data in stored(workspace).items() if name in before} == before
    assert status(workspace).stale == []
    assert status(workspace).propagated


def test_without_a_head_the_neighbours_predict_and_a_bad_file_stops_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    with pytest.raises(MissingWorkError, match="no labels"):
        predict(workspace, tmp_path)
    label(workspace)
    save_pictures(tmp_path / "new", 3, first_seed=900)
    (tmp_path / "new" / "bars" / "broken.jpg").write_bytes(b"\\xff\\xd8 cut short")
    output = tmp_path / "predictions.csv"
    command = ["predict", str(tmp_path / "new"), "-w", str(workspace.folder), "--device", "cpu", "--json"]
    result = CliRunner().invoke(main, [*command, "--output", str(output), "--strict"])
    assert result.exit_code == 3, result.output
    told = json.loads(result.stdout)
    assert told["predict"]["by"] == "neighbours"
    assert [file["path"] for file in told["predict"]["unreadable"]] == ["bars/broken.jpg"]
    assert [row["path"] for row in told["predictions"]] == sorted(row["path"] for row in told["predictions"])
    assert output.read_text().startswith("path,predicted_label,confidence,")
    assert "not read: bars/broken.jpg" in result.stderr


def test_an_unknown_encoder_is_refused_with_those_there_are(workspace: Workspace) -> None:
    with pytest.raises(CuratorError, match=r"give the id of one of these: [0-9a-f]{8} \(bundled\)"):
        use_encoder(workspace, "nothing")


def test_an_export_is_complete_and_not_overwritten(workspace: Workspace, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    command = ["export-model", str(tmp_path / "model"), "-w", str(workspace.folder)]
    assert CliRunner().invoke(main, command).exit_code == 0
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "model.json",
        "model.onnx",
        "model.safetensors",
    ]
    assert json.loads((tmp_path / "model" / "model.json").read_text())["classes"] == []
    again = CliRunner().invoke(main, command)
    assert again.exit_code == 1
    assert "add --overwrite" in again.stderr


def test_without_onnx_the_install_command_is_named(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    result = CliRunner().invoke(main, ["export-model", str(tmp_path / "m"), "-w", str(workspace.folder)])
    assert result.exit_code == 1
    assert "pip install 'curator[onnx]'" in result.stderr
