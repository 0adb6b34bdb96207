"""Same images, same seed, same bytes: from one run to the next, and on one thread or two."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from tests.faults.runner import environment

# All commands in one process, with the bundled encoder, as a user has them.
PIPELINE = """
import os, sys
from click.testing import CliRunner
from curator_cli import main
os.chdir(sys.argv[1])
for line in sys.stdin.read().splitlines():
    result = CliRunner().invoke(main, line.split())
    assert result.exit_code == 0, (line, result.output, result.exception)
"""
COMMANDS = """\
embed ../photos
query --budget 12 --output first.csv
label import ../labels.csv
propagate --output predictions.csv
query --budget 8 --seed 3 --output to_label.csv
audit --all --seed 5 --output suspects.csv
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty digits, and labels for half of them."""
    folder, digits = tmp_path_factory.mktemp("same"), load_digits()
    (folder / "photos").mkdir()
    for number in range(40):
        Image.fromarray(np.uint8(digits.images[number] * 15.9)).save(folder / "photos" / f"{number:02}.png")
    rows = "".join(f"{number:02}.png,{digits.target[number] % 3}\n" for number in range(20))
    (folder / "labels.csv").write_text(f"path,label\n{rows}")
    return folder


def outcome(folder: Path, name: str, threads: int) -> dict[str, str]:
    """Everything that the pipeline writes: tables as they are, artifacts by their checksums."""
    place = folder / name
    place.mkdir()
    command = [sys.executable, "-c", PIPELINE, str(place)]
    subprocess.run(command, input=COMMANDS, text=True, check=True, env=environment(threads))
    found = {path.name: path.read_text(encoding="utf-8") for path in place.glob("*.csv")}
    for manifest in place.rglob("manifest.json"):
        content = json.loads(manifest.read_bytes())
        found |= {f"{content['kind']}/{file}": sha for file, sha in content["files"].items()}
    vectors = next(place.rglob("vectors.f16"))
    return found | {vectors.name: vectors.read_bytes().hex()}


@pytest.fixture(scope="module")
def once(folder: Path) -> dict[str, str]:
    """What the pipeline writes on one thread."""
    return outcome(folder, "once", threads=1)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_whole_pipeline_writes_the_same_bytes_again(
    folder: Path, once: dict[str, str], threads: int
) -> None:
    again = outcome(folder, f"again on {threads}", threads)
    assert again.keys() == once.keys()
    assert [name for name in once if again[name] != once[name]] == []
    assert len(once) >= 9
