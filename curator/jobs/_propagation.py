"""The labels of a workspace spread over its graph: worked out, stored, and found again while they hold."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from curator.encoders.finetuned import read_description
from curator.jobs.chosen_encoder import current_choice
from curator.jobs.state import State
from curator.propagation import SoftLabels, propagate
from curator.propagation.calibration import Calibration
from curator.store.workspace import Workspace
from curator_indexes.artifacts import find_artifact, write_artifact

PROPAGATION = "propagation"


def stored_probabilities(state: State) -> npt.NDArray[np.float32] | None:
    """The stored propagation float32 [n, C], where it is whole and of the current labels; else None."""
    artifact = find_artifact(_propagation_folder(state), PROPAGATION, state.made_from())
    return None if artifact is None else artifact.array("probabilities")


def store_propagation(state: State) -> SoftLabels:
    """Propagate the current labels and keep the result."""
    soft = _propagated(state)
    write_artifact(
        _propagation_folder(state),
        PROPAGATION,
        state.made_from(),
        {"probabilities": soft.probabilities},
    )
    return soft


def probabilities(state: State) -> npt.NDArray[np.float32]:
    """Class probabilities [n, C] of the current labels, stored or worked out now."""
    stored = stored_probabilities(state)
    if stored is not None:
        return stored
    return _propagated(state).probabilities


def _propagation_folder(state: State) -> Path:
    """Beside the embeddings: another encoder's propagation stands until its labels change."""
    return state.workspace.encoder_folder(state.workspace.setting("encoder")) / PROPAGATION


def _propagated(state: State) -> SoftLabels:
    classes = max(len(state.names), 1)
    return propagate(
        state.graph,
        state.labels,
        embeddings=state.embeddings,
        n_classes=classes,
        calibration=_calibration(state.workspace),
    )


def _calibration(workspace: Workspace) -> Calibration | None:
    """The one that a fine-tune measured, whose embeddings have learned the labels at hand; else None."""
    weights = current_choice(workspace).weights
    described = None if weights is None else read_description(weights)
    if described is None or not described.calibration:
        return None
    sharpness, prior_weight, head_weight, held_out = described.calibration
    return Calibration(sharpness, prior_weight, head_weight, int(held_out))
