"""The example that each help text ends in runs, as it stands, where the files that it names exist."""

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image
from sklearn.datasets import load_digits

from curator_cli import main

NOT_HERE = {
    "curator review",  # serves until it is stopped: tests/review starts it
    "curator finetune",  # a minute's work: test_docs runs fewer steps of it
    "curator pretrain",  # half a minute's: tests/pretraining runs it on less
}
ENCODER = "1f0c9a2b"  # in the help of `encoder use`; here it is another


def examples(command: click.Command, name: str) -> Iterator[tuple[str, list[str]]]:
    """Each command with the example lines of its help."""
    if isinstance(command, click.Group):
        for verb in command.list_commands(click.Context(command)):
            child = command.get_command(click.Context(command), verb)
            assert child is not None
            yield from examples(child, f"{name} {verb}")
    else:
        yield name, re.findall(r"^ +(curator .*)$", (command.help or "").partition("Example:")[2], re.M)


EXAMPLES = {name: lines for name, lines in examples(main, "curator") if name not in NOT_HERE}


def run(*words: str) -> str:
    """Run a command, expect it to go well, and return its result."""
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, f"{words}: {result.output}"
    return result.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every example makes sense: images, labels, tables, another tool's file."""
    folder = tmp_path_factory.mktemp("project")
    digits = load_digits()
    for number in range(150):
        name = "cat" if digits.target[number] == 1 else str(digits.target[number])
        draw(digits.images[number], folder / "photos" / name / f"{number}.png")
    for number in range(150, 155):
        draw(digits.images[number], folder / "photos_test" / f"{number}.png")
        draw(digits.images[number], folder / "new_photos" / f"{number}.png")
    draw(digits.images[160], folder / "odd.jpg")
    draw(digits.images[161], folder / "photos" / "cat" / "12.jpg")
    workspace = ["-w", str(folder / ".curator")]
    run("embed", str(folder / "photos"), *workspace)
    paths = sorted(path.relative_to(folder / "photos") for path in (folder / "photos").rglob("*.*"))
    rows = [{"path": path.as_posix(), "label": path.parts[0], "annotator": "ann"} for path in paths[:120]]
    pd.DataFrame(rows).to_csv(folder / "to_label.csv", index=False)
    run("label", "import", str(folder / "to_label.csv"), *workspace)
    run("propagate", "--output", str(folder / "predictions.csv"), *workspace)
    shutil.copy(folder / "predictions.csv", folder / "predictions_2.csv")
    run("export", str(folder / "labels.json"), "--format", "coco", *workspace)
    return folder


def draw(pixels: npt.NDArray[np.float64], path: Path) -> None:
    """Write one digit as an image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.uint8(pixels * 15.9)).save(path)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_runs(name: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shutil.copytree(project, tmp_path / "project"))
    assert EXAMPLES[name]
    assert EXAMPLES[name][0].startswith(name)
    for line in EXAMPLES[name]:
        words = shlex.split(line)[1:]
        if written := re.search(r"(?:export|--output) (\S+)", line):
            Path(written[1]).unlink(missing_ok=True)  # it is there for the others to read
        if ENCODER in words:
            words[words.index(ENCODER)] = json.loads(run("encoder", "list", "--json"))["encoders"][0]["id"]
        run(*words)
