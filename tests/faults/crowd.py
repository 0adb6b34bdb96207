"""Many processes at work on one workspace for a while, and what of their work is found afterwards."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from curator.errors import CuratorError
from curator.jobs.embed import embed
from curator.jobs.label_history import undo_labels
from curator.jobs.propagate import propagate
from curator.jobs.query import query
from curator.store import Workspace
from curator.store.labels import LabelEvent
from tests.faults.runner import ROOT, environment
from tests.faults.verbs import IMAGES, make_case, opened
from tests.jobs.conftest import picture

ROLES = {"label": 4, "read": 3, "embed": 1}  # processes
_BETWEEN_IMAGES = 0.5  # seconds
WAITING = "is writing to"  # how a command that found the workspace taken says so


@dataclass(frozen=True)
class Counts:
    """What was acknowledged; `lost` is what of it is not found, `surprises` are errors nobody should see."""

    labels: int
    rankings: int
    images: int
    refusals: int
    lost: Sequence[str]
    surprises: Sequence[str]


def crowd(root: Path, seconds: float) -> Counts:
    """Let eight processes work for so long, and look for all that they were told was done."""
    case = make_case(root)
    command = [sys.executable, "-m", "tests.faults.crowd", str(case), str(seconds)]
    subprocess.run(
        [*command, "begin", ""], check=True, stdout=subprocess.DEVNULL, cwd=ROOT, env=environment()
    )
    roles = [role for role, count in ROLES.items() for _ in range(count)]
    workers = [
        subprocess.Popen(
            [*command, role, f"worker {number}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env=environment(),
        )
        for number, role in enumerate(roles)
    ]
    told = [worker.communicate(timeout=seconds + 300)[0] for worker in workers]
    failed = [text for text, worker in zip(told, workers, strict=True) if worker.returncode]
    if failed:
        return Counts(0, 0, 0, 0, [], failed)
    done = [json.loads(text.splitlines()[-1]) for text in told]
    every = {
        name: [each for one in done for each in one.get(name, [])]
        for name in ("labels", "images", "surprises")
    }
    found = {str(label) for _, label in _log(case)} | {
        row.path for row in Workspace.open(case / ".curator").catalog.ready()
    }
    return Counts(
        len(every["labels"]),
        sum(one.get("rankings", 0) for one in done),
        len(every["images"]),
        sum(one.get("refusals", 0) for one in done),
        [each for each in every["labels"] + every["images"] if each not in found],
        every["surprises"],
    )


def _log(case: Path) -> list[tuple[int, str]]:
    from sqlalchemy import select

    from curator.store.schema import label_event

    query = select(label_event.c.id, label_event.c.label)
    with Workspace.open(case / ".curator").database.reading() as connection:
        return [(row.id, row.label) for row in connection.execute(query)]


def _label(workspace: Workspace, name: str, until: float) -> dict[str, object]:
    """Label one image after another, and now and then take the last label back; each label is said once."""
    ids = [row.id for row in workspace.catalog.ready()][:IMAGES:2]  # the others are left to be queried
    done: list[str] = []
    while time.time() < until:
        label = f"{name}: {len(done)}"
        workspace.labels.append([LabelEvent(ids[len(done) % len(ids)], label, name, "page:review")])
        done.append(label)
        if len(done) % 7 == 0:
            undo_labels(workspace, annotator=name)
    return {"labels": done}


def _read(workspace: Workspace, name: str, until: float) -> dict[str, object]:
    """Query for oneself and propagate, in turn; another that propagates is a fair reason to be refused."""
    rankings, refusals, surprises = 0, 0, []
    while time.time() < until:
        try:
            query(workspace, 3, annotator=name)
            propagate(workspace)
            rankings += 1
        except CuratorError as error:
            refusals += WAITING in str(error)
            if WAITING not in str(error):
                surprises.append(str(error))
    return {"rankings": rankings, "refusals": refusals, "surprises": surprises}


def _begin(workspace: Workspace, _name: str, _until: float) -> dict[str, object]:
    """Embed the images that all begin with."""
    embed(workspace, k=10)
    return {}


def _embed(workspace: Workspace, name: str, until: float) -> dict[str, object]:
    """Put one image after another into the folder, and embed what is new."""
    images: list[str] = []
    refusals, surprises = 0, []
    while time.time() < until:
        added = f"{name} {len(images) + refusals}.png"
        picture(len(images) % 3, IMAGES + len(images) + refusals).save(workspace.images / added)
        try:
            embed(workspace, k=10)
            images.append(added)
        except CuratorError as error:
            refusals += WAITING in str(error)
            if WAITING not in str(error):
                surprises.append(str(error))
        time.sleep(_BETWEEN_IMAGES)
    return {"images": images, "refusals": refusals, "surprises": surprises}


def _main(case: str, seconds: str, role: str, name: str) -> None:
    work = {"label": _label, "read": _read, "embed": _embed, "begin": _begin}[role]
    until = time.time() + float(seconds)
    done = work(opened(Path(case)), name, until)
    sys.stdout.write(json.dumps(done) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
