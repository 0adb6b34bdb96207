"""kill -9 at any moment of `embed`: the next run goes on, to the same bytes as an undisturbed one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import picture

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")

# Runs embed with the test encoder, and kills itself at the nth call of one function, before or after it.
RUN = """
import importlib, os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.jobs.conftest import ProjectionEncoder
from curator.jobs import embed as module
from curator.store import Workspace
module.load_encoder = lambda *_, **__: ProjectionEncoder()
place, moment, number = sys.argv[4:7]
if place != "nowhere":
    owner_path, name = place.rsplit(".", 1)
    try:
        owner = importlib.import_module(owner_path)
    except ModuleNotFoundError:
        owner = getattr(importlib.import_module(owner_path.rsplit(".", 1)[0]), owner_path.rsplit(".", 1)[1])
    original, calls = getattr(owner, name), 0
    def deadly(*args, **kwargs):
        global calls
        calls += 1
        if calls == int(number) and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if calls == int(number):
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(owner, name, deadly)
print(module.embed(Workspace.create(Path(sys.argv[2]), Path(sys.argv[3]))).images)
"""
ROOT = Path(__file__).parents[2]
PLACES = [
    ("curator.store.catalog._upsert", "after", "1"),
    ("curator.store.vectors._write_at", "before", "3"),
    ("curator.store.vectors._write_at", "after", "3"),
    ("curator.jobs.embed.record", "after", "1"),
    ("curator.jobs.embed.record", "after", "8"),
    ("curator.jobs._artifacts._write_rows", "before", "1"),
    ("curator.jobs._artifacts._write_rows", "after", "1"),
    ("curator_indexes.artifacts.write_manifest", "before", "1"),
    ("curator_indexes.artifacts.write_manifest", "after", "1"),
    ("curator_indexes.artifacts.write_manifest", "before", "3"),
    ("curator.store.workspace.Workspace.set", "after", "2"),
]


def run(workspace: Path, photos: Path, *killed: str) -> "subprocess.CompletedProcess[str]":
    command = [
        sys.executable,
        "-c",
        RUN,
        str(ROOT),
        str(workspace),
        str(photos),
        *(killed or ("nowhere", "", "0")),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def stored_bytes(workspace: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (workspace / "encoders").rglob("*.npy")}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seventy images and a file that is none."""
    folder = tmp_path_factory.mktemp("killed") / "photos"
    folder.mkdir()
    for number in range(70):
        picture(number % 3, number).save(folder / f"{number:02}.png")
    (folder / "broken.png").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def undisturbed(photos: Path) -> dict[str, bytes]:
    """What a run that nobody kills stores."""
    workspace = photos.parent / "undisturbed"
    assert run(workspace, photos).returncode == 0
    return stored_bytes(workspace)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: " ".join(place))
def test_killed_run_goes_on_to_the_same_bytes(
    tmp_path: Path, photos: Path, undisturbed: dict[str, bytes], place: tuple[str, str, str]
) -> None:
    killed = run(tmp_path / "killed", photos, *place)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = run(tmp_path / "killed", photos)
    assert again.returncode == 0, again.stderr
    assert again.stdout.strip() == "70"
    assert stored_bytes(tmp_path / "killed") == undisturbed
