"""What is known of a workspace, as advice is given on it, and the command that follows the advice."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curator.jobs.state import State
from curator.planning.advice import Advice, Situation
from curator.store.runs import last_run
from curator.store.workspace import Workspace
from curator_indexes.files import free_path

_OUTPUTS = {
    "query": "to_label.csv",
    "propagate": "predictions.csv",
    "audit": "suspects.csv",
    "duplicates": "duplicates.csv",
    "faults": "faults.csv",
    "split": "splits.csv",
}


def situation(workspace: Workspace, state: State | None, stale: Sequence[str], propagated: bool) -> Situation:
    """What is known without working anything out; the expected gain is not."""
    broken = workspace.catalog.counts().get("broken", 0)
    if state is None or any("curator embed" in line for line in stale):
        return Situation(embedded=False, broken=broken)
    now = state.identity()
    audit, duplicates = (_outcome(workspace, verb, now) for verb in ("audit", "duplicates"))
    before = last_run(workspace.database, "duplicates")
    images = None if before is None else before["outcome"].get("made_from", {}).get("embeddings")
    return Situation(
        embedded=True,
        images=len(state.labels),
        broken=broken,
        labelled=int((state.labels >= 0).sum()),
        classes=len(state.names),
        propagated=propagated,
        audited=audit is not None,
        doubted=None if audit is None else audit["suspects"],
        conflicts=None if duplicates is None else duplicates["conflicts"],
        duplicates_known=images == now["embeddings"],
    )


def command_for(workspace: Workspace, advice: Advice) -> str:
    """What to type, here and now; empty where there is nothing to do."""
    if advice.action == "embed":
        return workspace.embed_command
    if advice.action not in _OUTPUTS:
        return ""
    budget = ["--budget", "20"] if advice.action == "query" else []
    output = str(free_path(Path(_OUTPUTS[advice.action])))
    return shlex.join(["curator", advice.action, *budget, "--output", output])


def _outcome(workspace: Workspace, verb: str, now: dict[str, str]) -> dict[str, Any] | None:
    """What the last run of a verb found, where it was of these very images and labels."""
    run = last_run(workspace.database, verb)
    if run is None or run["outcome"].get("made_from") != now:
        return None
    outcome: dict[str, Any] = run["outcome"]
    return outcome
