"""The one thing most worth doing in a workspace now, with the command."""

from dataclasses import dataclass, replace

from curator.jobs._situation import command_for, situation
from curator.jobs.state import State
from curator.jobs.status import examined
from curator.planning.advice import advise
from curator.queries import expected_gain, usable
from curator.store.workspace import Workspace

_MOST_JUDGED = 20_000  # images: beyond, working out the gain would keep people waiting


@dataclass(frozen=True)
class NextStep:
    """What to do now (`action`, a verb of curator), the `command` to type, and the `reason`."""

    action: str
    command: str
    reason: str


def next_step(workspace: Workspace, *, seed: int = 0) -> NextStep:
    """Look at everything that is known, change nothing, and say the one thing most worth doing.

    Named otherwise than the command `curator next`, since Python has a `next` of its own.
    """
    state, stale, propagated = examined(workspace)
    known = situation(workspace, state, stale, propagated)
    if state is not None and known.embedded:
        known = replace(known, gain_high=_gain_high(state, seed))
    advice = advise(known)
    return NextStep(advice.action, command_for(workspace, advice), advice.reason)


def _gain_high(state: State, seed: int) -> float | None:
    if len(state.labels) > _MOST_JUDGED or not len(usable(state.labels)):
        return None
    return expected_gain(state.graph, state.labels, n_classes=len(state.names), seed=seed).high
