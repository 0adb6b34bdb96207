"""What a workspace holds, what is stale, and what to do next."""

from dataclasses import dataclass, field

from curator.errors import MissingWorkError
from curator.jobs._artifacts import load_embeddings
from curator.jobs._propagation import stored_probabilities
from curator.jobs._situation import command_for, situation
from curator.jobs.encoders import EncoderStatus, list_encoders
from curator.jobs.state import State, load_state
from curator.planning.advice import advise
from curator.store.runs import last_run, unfinished_runs
from curator.store.workspace import Workspace
from curator_indexes import KnnGraph
from curator_indexes.errors import DamagedFileError


@dataclass(frozen=True)
class Status:
    """The state of a workspace; `stale` says in words what no longer fits, `next_step` is a command.

    `running` is the command that writes results now, in words: who runs it, on what, how far it is.
    """

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
    running: str | None = None
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
        images_folder=str(workspace.source),
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
        running=_running(workspace),
        stale=stale,
        next_step=command_for(workspace, advice) or f"{advice.action}: {advice.reason}",
    )


def _running(workspace: Workspace) -> str | None:
    """The command that holds the workspace's lock, on what it runs, how far it is; None where none does."""
    holder = workspace.other_writer()
    unfinished = unfinished_runs(workspace.database)
    if holder is None or not unfinished:
        return holder
    run = unfinished[-1]  # earlier ones were killed: only one at a time holds the lock
    where = ""
    if "workers" in run.parameters:
        where = f", on {run.parameters['workers']} workers of {run.parameters['machines']} machines"
    how_far = ""
    if "stage" in run.so_far:
        of_all = f" of {run.so_far['total']:,}" if run.so_far["total"] else ""
        how_far = f": {run.so_far['stage']}, {run.so_far['done']:,}{of_all}"
    return f"{holder} since {run.started_at[:16].replace('T', ' ')} UTC{where}{how_far}"


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
