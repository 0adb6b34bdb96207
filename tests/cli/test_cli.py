"""The command line: results on stdout, the rest on stderr, exit codes as promised, no traceback."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from sklearn.datasets import load_digits

from curator.formats import FORMATS
from curator_cli import main
from curator_cli._group import VERBS

COMMAND = [sys.executable, "-m", "curator_cli"]
GROUPS = {"label": ["import", "export"], "encoder": ["list", "use", "available"], "config": ["show"]}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 120 real digits in `digits`, embedded once."""
    folder = tmp_path_factory.mktemp("project")
    digits = load_digits()
    for number in range(120):
        path = folder / "digits" / str(digits.target[number]) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.uint8(digits.images[number] * 15.9)).save(path)
    (folder / "digits" / "broken.jpg").write_bytes(b"not an image")
    subprocess.run([*COMMAND, "embed", "digits"], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def inside(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in the project's folder."""
    monkeypatch.chdir(project)
    return project


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_help_lists_every_verb_and_every_help_ends_in_an_example() -> None:
    assert all(verb in run("--help").stdout for verb in VERBS)
    for verb in VERBS:
        text = run(verb, "--help").stdout
        commands = GROUPS.get(verb, [""])
        for child in filter(None, commands):
            text = run(verb, child, "--help").stdout
            assert f"curator {verb} {child} " in text
        assert "Example:" in text or verb in GROUPS


def test_embed_json_is_one_object_on_stdout_and_the_sentence_is_on_stderr(inside: Path) -> None:
    result = run("embed", "digits", "--json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)["embed"]
    assert (report["images"], report["embedded"], report["broken"]) == (120, 0, 1)
    assert "1 could not be read (see " in result.stderr


def test_strict_exits_3_when_an_image_could_not_be_read(inside: Path) -> None:
    assert run("embed", "digits", "--strict").exit_code == 3


def test_workspace_is_found_from_below(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inside / "digits" / "3")
    assert "120 in" in run("status").stdout


def test_table_goes_to_stdout_unless_a_file_is_named(inside: Path, tmp_path: Path) -> None:
    printed = run("query", "--budget", "5")
    assert printed.stdout.startswith("rank,path,score,strategy,predicted_label,confidence,")
    assert len(printed.stdout.splitlines()) == 6
    written = run("query", "--budget", "5", "--output", str(tmp_path / "q.csv"))
    assert written.stdout == ""
    assert (tmp_path / "q.csv").read_text() == printed.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["embed", "nowhere"], 1, "there is no folder nowhere"),
        (["embed"], 2, "Missing argument 'FOLDER'"),
        (["query"], 2, "Missing option '--budget'"),
        (["query", "--budget", "0"], 2, "0 is not in the range"),
        (["query", "--budget", "5", "--strategy", "marginn"], 1, "margin"),
        (["label", "import", "nowhere.csv"], 1, "nowhere.csv"),
        (["label", "import", "digits/0/0.png"], 1, "not UTF-8"),
        (["frobnicate"], 2, "No such command 'frobnicate'"),
        (["audit", "--workspace", "digits"], 1, "is not a workspace"),
        (["embed", "digits", "--encoder", "resnet5O"], 1, "resnet50"),
        (["embed", "digits", "--weights", "nowhere.safetensors"], 1, "nowhere.safetensors"),
        (["embed", "digits/0/0.png"], 1, "is a file"),
        (["audit", "--sample", "0"], 2, "0 is not in the range"),
        (["audit", "--min-precision", "1.5"], 2, "1.5 is not in the range"),
        (["audit", "--sample", "5", "--all"], 1, "choose one of"),
    ],
)
def test_mistake_is_one_message_and_an_exit_code(
    inside: Path, arguments: list[str], status: int, complaint: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == status
    assert complaint in result.stderr
    assert "Traceback" not in result.output


def test_outside_any_workspace_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("status")
    assert result.exit_code == 1
    assert "curator embed FOLDER" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_encoders_to_be_had_are_listed_with_their_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = json.loads(run("encoder", "available", "bundled", "--json").stdout)
    assert listed == {"encoders": [{"name": "bundled", "weights": "included"}], "missing": {}}
    found = run("encoder", "available", "ResNet50")
    assert "torchvision:resnet50  downloaded" in found.stdout.splitlines()
    assert f"{len(found.stdout.splitlines())} encoders with 'ResNet50' in the name" in found.stderr
    monkeypatch.setattr("curator.encoders._families.find_spec", lambda _: None)
    without = run("encoder", "available", "resnet50")
    assert "timm:" not in without.stdout
    assert "those of timm need more packages: pip install 'curator[timm]'" in without.stderr


def test_failed_embed_of_a_missing_folder_leaves_no_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("embed", "nowhere").exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_five_commands_on_real_digits(inside: Path, tmp_path: Path) -> None:
    rows = [
        f"{path.relative_to(inside / 'digits').as_posix()},{path.parent.name}"
        for path in sorted((inside / "digits").rglob("*.png"))[::2]
    ]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *rows]))
    workspace = ["-w", str(tmp_path / "w")]
    assert run("embed", "digits", *workspace).exit_code == 0
    assert (
        "60 labels of 10 classes" in run("label", "import", str(tmp_path / "labels.csv"), *workspace).stderr
    )
    assert run("propagate", "-o", str(tmp_path / "p.csv"), *workspace).exit_code == 0
    asked = run("query", "--budget", "7", "--json", *workspace)
    answer = json.loads(asked.stdout)["query"]
    assert answer["chosen"] == 7
    assert answer["gain"]["more"] == 60
    assert re.search(
        r"the next 60 labels should gain \d+\.\d points of accuracy \(.* to .*\), from", asked.stderr
    )
    audit = json.loads(run("audit", "--json", "--all", *workspace).stdout)
    assert len(audit["suspects"]) == 60
    exported = run("label", "export", *workspace).stdout.splitlines()
    assert len(exported) == 61
    status = json.loads(run("status", "--json", *workspace).stdout)["status"]
    assert status["labelled"] == 60
    assert status["encoders"][0]["knn_accuracy"] > 0.5


def test_a_sample_goes_out_and_comes_back_as_an_estimate(inside: Path, tmp_path: Path) -> None:
    workspace, file = ["-w", str(tmp_path / "w")], tmp_path / "sample.csv"
    assert run("embed", "digits", "--labels-from-folders", *workspace).exit_code == 0
    told = run("audit", *workspace).stderr
    assert "would narrow the interval: curator audit --sample " in told
    drawn = run("audit", "--sample", "30", "--output", str(file), *workspace)
    assert (drawn.exit_code, drawn.stdout) == (0, "")
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    rows["label"] = rows["given_label"]
    rows.to_csv(file, index=False)
    assert "30 labels of" in run("label", "import", str(file), *workspace).stderr
    assert "by 30 verdicts" in run("audit", *workspace).stderr
    listed = run("audit", "--min-precision", "0.9", "--json", *workspace)
    assert json.loads(listed.stdout)["audit"]["checked"] == 30


@pytest.mark.skipif(not hasattr(signal, "SIGINT") or os.name == "nt", reason="POSIX signals")
def test_interrupt_exits_130_and_the_next_run_goes_on(tmp_path: Path, project: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(1000):
        pixels = np.random.default_rng(number).integers(0, 255, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(many / f"{number:04}.png")
    embed = [*COMMAND, "embed", "many", "--json"]
    with subprocess.Popen(embed, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        vectors = None
        while process.poll() is None and vectors is None:
            vectors = next((tmp_path / ".curator").rglob("vectors.f16"), None)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
    assert process.returncode == 130, stderr
    assert b"interrupted" in stderr
    assert b"Traceback" not in stderr
    done = subprocess.run(embed, cwd=tmp_path, check=True, capture_output=True)
    assert json.loads(done.stdout)["embed"]["images"] == 1000


def test_closed_pipe_is_quiet(project: Path) -> None:
    query = [*COMMAND, "query", "--budget", "100"]
    with subprocess.Popen(query, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        stderr = process.stderr.read()
    assert b"Traceback" not in stderr


@pytest.mark.parametrize(("verb", "direction"), [("import", "read"), ("export", "write")])
def test_help_tells_of_the_formats_to_choose_from(verb: str, direction: str) -> None:
    listed = run(verb, "--help").stdout.split("Formats:\n")[1]
    names = re.findall(r"^  ([\w-]+) ", listed, re.MULTILINE)
    assert names == [name for name, each in FORMATS.items() if getattr(each, direction)]
    assert all(FORMATS[name].summary in " ".join(listed.split()) for name in names)


@pytest.mark.parametrize("verb", [[], ["embed"], ["encoder", "available"]], ids=" ".join)
def test_help_imports_neither_torch_nor_faiss_nor_pandas(verb: list[str]) -> None:
    code = (
        "import sys; from curator_cli import main\n"
        f"try: main({[*verb, '--help']})\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'faiss', 'pandas', 'scipy', 'sqlalchemy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"
