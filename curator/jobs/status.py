"""What a workspace holds, what is stale, and what to do next."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from curator.errors import MissingWorkError
from curator.jobs._artifacts import load_embeddings
from curator.jobs._situation import command_for, situation
from curator.jobs.state import State, load_state, stored_probabilities
from curator.neighbors import leave_one_out_accuracy
from curator.planning import advise
from curator.store.runs import last_run
from curator.store.schema import encoder
from curator.store.workspace import Workspace
from curator_indexes import KnnGraph
from curator_indexes.errors import DamagedFileError

WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


@dataclass(frozen=True)
class EncoderStatus:
    """An encoder used here. `knn_accuracy`: leave-one-out over the labelled images, k=20, else None."""

    name: str
    dim: int
    current: bool
    knn_accuracy: float | None


@dataclass(frozen=True)
class Status:
    """The state of a workspace; `stale` says in words what no longer fits, `next_step` is a command."""

    workspace: str
    images_folder: str
    images: int
    embedded_at: str | None
    waiting: int
    broken: int
    ignored: int
    gone: int
    labelled: int
    classes: list[str]
    changed_since_labelled: int
    encoders: list[EncoderStatus] = field(default_factory=list)
    graph: str | None = None
    propagated: bool = False
    stale: list[str] = field(default_factory=list)
    next_step: str = ""


def status(workspace: Workspace) -> Status:
    """Look at everything, change nothing."""
    counts, embedded = workspace.catalog.counts(), last_run(workspace.database, "embed")
    state, stale, propagated = examined(workspace)
    advice = advise(situation(workspace, state, stale, propagated))
    if state is not None and state.any_label and not propagated and last_run(workspace.database, "propagate"):
        stale.append("the propagation does not know the newest labels: run `curator propagate`")
    return Status(
        workspace=str(workspace.folder),
        images_folder=str(workspace.images),
        images=counts.get("ready", 0),
        embedded_at=None if embedded is None else embedded["finished_at"],
        waiting=counts.get("pending", 0),
        broken=counts.get("broken", 0),
        ignored=counts.get("ignored", 0),
        gone=counts.get("gone", 0),
        labelled=0 if state is None else int((state.labels >= 0).sum()),
        classes=[] if state is None else list(state.names),
        changed_since_labelled=workspace.labels.changed_since(),
        encoders=_encoders(workspace),
        graph=None if state is None else _graph(state.graph),
        propagated=propagated,
        stale=stale,
        next_step=command_for(workspace, advice) or f"{advice.action}: {advice.reason}",
    )


def examined(workspace: Workspace) -> tuple[State | None, list[str], bool]:
    """The arrays where they are whole, what is stale in words, and whether the propagation is current."""
    stale: list[str] = []
    state = _state(workspace, stale)
    propagated = state is not None and state.any_label and stored_probabilities(state) is not None
    return state, stale, propagated


def _state(workspace: Workspace, stale: list[str]) -> State | None:
    again = f"run `{workspace.embed_command}`"
    if workspace.encoder is None:
        stale.append(f"there are no embeddings yet: {again}")
        return None
    try:
        state = load_state(workspace)
        made_from = load_embeddings(workspace).inputs["catalog"]
    except DamagedFileError as error:
        stale.append(f"{error}: {again}")
        return None
    except MissingWorkError as error:
        stale.append(str(error))
        return None
    if made_from != workspace.catalog.digest():
        stale.append(f"the embeddings are not of the images as last seen: {again}")
    return state


def _graph(graph: KnnGraph) -> str:
    return f"{graph.n:,} x {graph.k}, {graph.method}, recall {graph.recall:.3f}"


def _encoders(workspace: Workspace) -> list[EncoderStatus]:
    query = select(encoder.c.fingerprint, encoder.c.spec, encoder.c.dim).order_by(encoder.c.id)
    with workspace.database.reading() as connection:
        rows = connection.execute(query).all()
    return [
        EncoderStatus(
            name=_encoder_name(row.spec),
            dim=row.dim,
            current=row.fingerprint == workspace.encoder,
            knn_accuracy=_accuracy(workspace, row.fingerprint),
        )
        for row in rows
    ]


def _encoder_name(spec: dict[str, Any]) -> str:
    """Its name, and of weights from a file which file."""
    source = Path(spec["source"])
    return f"{spec['name']} ({source.name})" if source.suffix in WEIGHT_SUFFIXES else str(spec["name"])


def _accuracy(workspace: Workspace, fingerprint: str) -> float | None:
    """Leave-one-out kNN accuracy on the labelled images, of the embeddings of one encoder."""
    try:
        artifact = load_embeddings(workspace, fingerprint)
    except (DamagedFileError, MissingWorkError):
        return None
    labels, _ = workspace.labels.coded(np.asarray(artifact.array("image_ids")))
    if len(np.unique(labels[labels >= 0])) < 2:  # with one class, any encoder is right every time
        return None
    return float(leave_one_out_accuracy(artifact.array("embeddings"), labels))
