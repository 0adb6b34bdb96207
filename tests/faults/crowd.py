"""Many processes at work on one workspace for a while, and what of their work is found afterwards."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from curator.errors import CuratorError
from curator.jobs.label_history import undo_labels
from curator.jobs.propagate import propagate
from curator.jobs.query import query
from curator.store import Workspace
from curator.store.labels import LabelEvent
from tests.faults.runner import ROOT, environment

LABELLERS, READERS = 5, 3  # processes
WAITING = "is writing to"  # how a command that found the workspace taken says so


@dataclass(frozen=True)
class Counts:
    """What was acknowledged; `lost` of it is not in the log, `surprises` are errors nobody should see."""

    labels: int
    rankings: int
    refusals: int
    lost: Sequence[str]
    surprises: Sequence[str]


def crowd(case: Path, seconds: float) -> Counts:
    """Let eight processes work for so long, and look for all that they were told was done."""
    roles = ["label"] * LABELLERS + ["read"] * READERS
    command = [sys.executable, "-m", "tests.faults.crowd", str(case), str(seconds)]
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
        return Counts(0, 0, 0, [], failed)
    done = [json.loads(text.splitlines()[-1]) for text in told]
    said = {str(label) for _, label in _log(case)}
    labels = [label for one in done for label in one["labels"]]
    return Counts(
        len(labels),
        sum(one["rankings"] for one in done),
        sum(one["refusals"] for one in done),
        [label for label in labels if label not in said],
        [text for one in done for text in one["surprises"]],
    )


def _log(case: Path) -> list[tuple[int, str]]:
    from sqlalchemy import select

    from curator.store.schema import label_event

    query = select(label_event.c.id, label_event.c.label)
    with Workspace.open(case / ".curator").database.reading() as connection:
        return [(row.id, row.label) for row in connection.execute(query)]


def _label(workspace: Workspace, name: str, until: float) -> dict[str, object]:
    """Label one image after another, and now and then take the last label back; each label is said once."""
    ids = [row.id for row in workspace.catalog.ready()][::2]  # the others are left to be queried
    done: list[str] = []
    while time.time() < until:
        label = f"{name}: {len(done)}"
        workspace.labels.append([LabelEvent(ids[len(done) % len(ids)], label, name, "page:review")])
        done.append(label)
        if len(done) % 7 == 0:
            undo_labels(workspace, annotator=name)
    return {"labels": done, "rankings": 0, "refusals": 0, "surprises": []}


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
    return {"labels": [], "rankings": rankings, "refusals": refusals, "surprises": surprises}


def _main(case: str, seconds: str, role: str, name: str) -> None:
    work = _label if role == "label" else _read
    until = time.time() + float(seconds)
    done = work(Workspace.open(Path(case) / ".curator"), name, until)
    sys.stdout.write(json.dumps(done) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
