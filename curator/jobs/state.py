"""What propagate, query and audit all read: embeddings, graph and labels, row by row the same images."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curator.errors import MissingWorkError
from curator.jobs._artifacts import checksum, generation, load_embeddings, load_graph
from curator.store.catalog import ImageRow
from curator.store.workspace import Workspace
from curator_indexes import KnnGraph
from curator_indexes.errors import DamagedFileError

_TRIES = 5


@dataclass(frozen=True)
class State:
    """Row i of every array is the same image. `labels` holds codes into `names`, -1 where unlabelled."""

    workspace: Workspace
    image_ids: npt.NDArray[np.int64]
    embeddings: npt.NDArray[np.float16]
    graph: KnnGraph
    checksums: dict[str, str]
    labels: npt.NDArray[np.int64]
    names: Sequence[str]

    @property
    def any_label(self) -> bool:
        """Whether there is a label to go by."""
        return len(self.names) > 0

    def rows_of(self, image_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The row of each image; -1 where it has none, such as one that is not embedded."""
        return np.asarray(self._by_id.get_indexer(pd.Index(image_ids)), np.int64)

    @cached_property
    def _by_id(self) -> pd.Index:
        return pd.Index(self.image_ids)

    def images(self, rows: npt.NDArray[np.integer[Any]]) -> list[ImageRow]:
        """The images at these rows."""
        return self.workspace.catalog.by_ids(self.image_ids[rows].tolist())

    def name(self, code: int) -> str:
        """The class of a label code; empty for -1."""
        return self.names[code] if code >= 0 else ""

    def made_from(self) -> dict[str, Any]:
        """What a propagation of the current labels would be made from."""
        return {**self.identity(), "classes": list(self.names)}

    def identity(self) -> dict[str, str]:
        """What tells these embeddings, this graph and these labels from any others."""
        return {**self.checksums, "labels": _labels_digest(self.image_ids, self.labels, self.names)}


def load_state(workspace: Workspace, fingerprint: str | None = None) -> State:
    """Load embeddings and graph of an encoder (the current one), and current labels of a workspace.

    Raises:
        MissingWorkError: there are none that fit together, or another command is exchanging them now.
        DamagedFileError: they are not whole.

    """
    found = None
    for _ in range(_TRIES):
        before, found = found, generation(workspace, fingerprint)
        try:
            return _loaded(workspace, fingerprint)
        except (MissingWorkError, DamagedFileError, FileNotFoundError):
            if (writer := workspace.other_writer()) is not None:
                waiting = f"{writer} is writing to {workspace.folder}: wait until it is done"
                raise MissingWorkError(waiting) from None
            if found == before:  # nobody has exchanged anything since the last try
                raise
    raise MissingWorkError(f"{workspace.folder} changes all the time: try again when it is at rest")


def _loaded(workspace: Workspace, fingerprint: str | None) -> State:
    artifact = load_embeddings(workspace, fingerprint)
    graph = load_graph(workspace, artifact, fingerprint)
    image_ids = np.asarray(artifact.array("image_ids"))
    labels, names = workspace.labels.coded(image_ids)
    return State(
        workspace,
        image_ids,
        artifact.array("embeddings"),
        KnnGraph.stored_in(graph),
        {"embeddings": checksum(artifact), "graph": graph.manifest.files["neighbors.npy"]},
        labels,
        names,
    )


def _labels_digest(
    image_ids: npt.NDArray[np.int64], codes: npt.NDArray[np.int64], names: Sequence[str]
) -> str:
    """One hash over who is labelled what: changes when any current label does."""
    running = hashlib.sha256("\0".join(names).encode())
    running.update(np.ascontiguousarray(image_ids).tobytes())
    running.update(np.ascontiguousarray(codes).tobytes())
    return running.hexdigest()
