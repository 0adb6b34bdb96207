"""What a workspace holds, what is stale, and what to do next."""

from dataclasses import dataclass, field
from pathlib import Path

from curator.errors import MissingWorkError
from curator.jobs._artifacts import load_embeddings
from curator.jobs.encoders import EncoderStatus, list_encoders
from curator.jobs.state import State, load_state, stored_probabilities
from curator.store.runs import last_run
from curator.store.workspace import Workspace
from curator_indexes import KnnGraph
from curator_indexes.errors import DamagedFileError
from curator_indexes.files import free_path


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
    stale: list[str] = []
    state = _state(workspace, stale)
    propagated = state is not None and state.any_label and stored_probabilities(state) is not None
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
        encoders=list_encoders(workspace),
        graph=None if state is None else _graph(state.graph),
        propagated=propagated,
        stale=stale,
        next_step=_next_step(state, stale, propagated, workspace),
    )


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


def _next_step(state: State | None, stale: list[str], propagated: bool, workspace: Workspace) -> str:
    if state is None or any("curator embed" in line for line in stale):
        return workspace.embed_command
    if not state.any_label:
        return f"curator query --budget 20 --output {free_path(Path('to_label.csv'))}"
    unlabelled = bool((state.labels < 0).any())
    if unlabelled and not propagated:
        return f"curator propagate --output {free_path(Path('predictions.csv'))}"
    audited = last_run(workspace.database, "audit")
    if audited is None or audited["outcome"].get("made_from") != state.identity():
        return f"curator audit --output {free_path(Path('suspects.csv'))}"
    if unlabelled:
        return f"curator query --budget 20 --output {free_path(Path('to_label.csv'))}"
    return "nothing: all images are labelled, and the labels were audited"
