"""The map of a workspace: laid out once, kept, and grown by new images without moving the old."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curator.jobs.state import State, load_state
from curator.pictures.layout import layout, place
from curator.store.workspace import Workspace
from curator_indexes.artifacts import Artifact, Content, find_artifact, write_artifact

LAYOUT = "layout"
_ALGORITHM = 1  # raised when the same graph would give another map
_NEW = 0.25  # share of images without a place from which on all are laid out anew

Places = npt.NDArray[np.float32]


def stored_layout(state: State) -> Places | None:
    """Places of all images float32 [n, 2], newcomers amid their neighbours; None where there is no map yet.

    A map of another encoder is none, nor is one that lacks a quarter of the images.
    """
    artifact = find_artifact(state.workspace.folder / LAYOUT, LAYOUT, _inputs(state.workspace))
    if artifact is None:
        return None
    known = _known(state, artifact)
    missing = np.isnan(known[:, 0])
    if missing.mean() > _NEW:
        return None
    return place(state.graph, known) if missing.any() else known


def make_layout(workspace: Workspace, *, seed: int = 0) -> Places:
    """Bring the map in line with the images and keep it; places float32 [n, 2] in the rows' order."""
    state = load_state(workspace)
    found = stored_layout(state)
    places = layout(state.graph, embeddings=state.embeddings, seed=seed) if found is None else found
    contents: dict[str, Content] = {"places": places, "image_ids": state.image_ids}
    with workspace.locked("map"):
        write_artifact(workspace.folder / LAYOUT, LAYOUT, _inputs(workspace), contents)
    return places


def make_layout_in(folder: Path) -> None:
    """`make_layout` for another process, to which a path can be sent."""
    make_layout(Workspace.open(folder))


def _inputs(workspace: Workspace) -> dict[str, Any]:
    return {"encoder": workspace.encoder, "algorithm": _ALGORITHM}


def _known(state: State, artifact: Artifact) -> Places:
    """Places by row, NaN for images that the map does not have."""
    spot = pd.Index(artifact.array("image_ids")).get_indexer(pd.Index(state.image_ids))
    known: Places = np.array(artifact.array("places")[spot], np.float32)
    known[spot < 0] = np.nan
    return known
