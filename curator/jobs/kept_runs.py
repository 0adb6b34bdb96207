"""What the last runs of propagate and audit said of each image, kept so that runs can be compared."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curator.errors import CuratorError, MissingWorkError
from curator.jobs.state import State
from curator.store.workspace import Workspace
from curator_indexes import DamagedFileError
from curator_indexes.artifacts import Artifact, read_artifact, write_artifact

KEPT = 5  # runs of each verb; one takes 28 bytes an image
KIND = "run"
COLUMNS = {"propagate": ("predicted_label", "confidence"), "audit": ("suggested_label", "error_probability")}
_NAME = re.compile(rf"({'|'.join(COLUMNS)}):(\d+)")


@dataclass(frozen=True)
class KeptRun:
    """One run that was kept: its verb and number, as `propagate:3`, and where."""

    verb: str
    number: int
    folder: Path

    @property
    def name(self) -> str:
        """How it is called."""
        return f"{self.verb}:{self.number}"


def runs_folder(workspace: Workspace) -> Path:
    """Where the runs are kept, in a folder for each verb."""
    return workspace.folder / "runs"


def keep_run(
    state: State, verb: str, rows: npt.NDArray[Any], labels: npt.NDArray[Any], numbers: npt.NDArray[Any]
) -> None:
    """Keep what a run said of these rows [m]: label codes [m] and a number each; the oldest kept one goes.

    A run that says the same as the last one is that one: it would only push out another.
    """
    images = state.images(rows)
    contents = {
        "image_ids": state.image_ids[rows],
        "contents": np.frombuffer(bytes.fromhex("".join(image.content_hash for image in images)), np.uint8),
        "labels": np.asarray(labels, np.int32),
        "numbers": np.asarray(numbers, np.float32),
    }
    before = kept_runs(state.workspace, verb)
    if before and _says(before[-1], contents, state.names):
        return
    number = before[-1].number + 1 if before else 1
    folder = runs_folder(state.workspace) / verb / f"{number:05}"
    write_artifact(folder, KIND, {"verb": verb, "classes": list(state.names)}, contents)
    for run in before[: max(0, len(before) + 1 - KEPT)]:
        shutil.rmtree(run.folder, ignore_errors=True)


def kept_runs(workspace: Workspace, verb: str) -> list[KeptRun]:
    """The runs of a verb that were kept, the oldest first."""
    folders = sorted((runs_folder(workspace) / verb).glob("[0-9]*"))
    return [KeptRun(verb, int(path.name), path) for path in folders if (path / "manifest.json").is_file()]


def last_two(workspace: Workspace, verb: str | None) -> tuple[KeptRun, KeptRun]:
    """The last two runs of a verb, by default of the first of propagate and audit that has two."""
    for each in COLUMNS if verb is None else (verb,):
        found = kept_runs(workspace, each)
        if len(found) > 1:
            return found[-2], found[-1]
    what = " or ".join(COLUMNS) if verb is None else verb
    raise MissingWorkError(
        f"there are no two runs of {what} with different results to compare yet: "
        "label some more images, run it again, and then `curator diff`"
    )


def find_run(workspace: Workspace, name: str) -> KeptRun:
    """The kept run of a name such as propagate:3; CuratorError where there is none."""
    matched = _NAME.fullmatch(name)
    found = kept_runs(workspace, matched[1]) if matched else []
    for run in found:
        if matched and run.number == int(matched[2]):
            return run
    every = ", ".join(run.name for verb in COLUMNS for run in kept_runs(workspace, verb)) or "none"
    raise CuratorError(f"there is no run {name!r} any more, and no file of that name; kept are: {every}")


def is_run_name(name: str) -> bool:
    """Whether a text names a run, kept or not."""
    return _NAME.fullmatch(name) is not None


def run_table(workspace: Workspace, run: KeptRun) -> pd.DataFrame:
    """What a run said, as a table: a row for each image, under the path that it has now."""
    artifact = read_artifact(run.folder, KIND)
    label, number = COLUMNS[run.verb]
    classes = np.asarray([*artifact.inputs["classes"], ""], dtype=object)
    images = workspace.catalog.by_ids(artifact.array("image_ids").tolist())
    return pd.DataFrame(
        {
            "path": [image.path for image in images],
            label: classes[artifact.array("labels")],
            number: artifact.array("numbers").astype(np.float64),
            "id": _hexadecimal(artifact),
        }
    )


def _says(run: KeptRun, contents: dict[str, npt.NDArray[Any]], names: Any) -> bool:
    """Whether a kept run said just this."""
    try:
        artifact = read_artifact(run.folder, KIND)
    except DamagedFileError:  # `curator doctor` tells; it is no reason not to work
        return False
    same = all(np.array_equal(artifact.array(name), values) for name, values in contents.items())
    return same and artifact.inputs["classes"] == list(names)


def _hexadecimal(artifact: Artifact) -> list[str]:
    joined, size = artifact.array("contents").tobytes().hex(), 32
    return [joined[start : start + size] for start in range(0, len(joined), size)]
