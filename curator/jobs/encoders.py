"""The encoders that a workspace has embeddings of, and going from one to another."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from curator.errors import CuratorError, MissingWorkError
from curator.jobs._artifacts import load_embeddings
from curator.jobs.chosen_encoder import has_choice
from curator.neighbors import leave_one_out_accuracy
from curator.store.schema import encoder
from curator.store.workspace import Workspace
from curator_indexes.errors import DamagedFileError

WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
# How the names of fine-tuned encoders end: all there is to go by where a spec is older than `learned`.
_LEARNED_ENDS = ("+head", "+last-block", "+lora", "+all")
ID_LENGTH = 8  # digits of the fingerprint: enough to tell a workspace's few encoders apart


@dataclass(frozen=True)
class EncoderStatus:
    """An encoder used here. `knn_accuracy`: leave-one-out over the labelled images, k=20, else None.

    It is None for a fine-tuned one, too, which has learned these very labels. `id` is what `curator encoder
    use` takes.
    """

    id: str
    name: str
    dim: int
    current: bool
    knn_accuracy: float | None


def list_encoders(workspace: Workspace) -> list[EncoderStatus]:
    """All encoders that were ever used here, in the order of their first use."""
    return [
        EncoderStatus(
            id=row.fingerprint[:ID_LENGTH],
            name=_name(row.spec),
            dim=row.dim,
            current=row.fingerprint == workspace.encoder,
            knn_accuracy=None if _learned(row.spec) else _accuracy(workspace, row.fingerprint),
        )
        for row in _rows(workspace)
    ]


def other_encoders(workspace: Workspace) -> list[tuple[str, str]]:
    """Fingerprint and name of each encoder used here before that has not learned any labels."""
    return [
        (row.fingerprint, _name(row.spec))
        for row in _rows(workspace)
        if row.fingerprint != workspace.encoder and not _learned(row.spec)
    ]


def use_encoder(workspace: Workspace, name: str) -> EncoderStatus:
    """Go back, or forth, to embeddings, index, graph and propagation of an encoder used here before.

    Nothing is computed: what was stored stands as it was. Raises `CuratorError` where `name` is not the id
    (or the beginning of one) of an encoder whose embeddings are whole.
    """
    found = [row for row in _rows(workspace) if row.fingerprint.startswith(name)]
    if len(found) != 1 or not name:
        known = ", ".join(f"{each.id} ({each.name})" for each in list_encoders(workspace)) or "none yet"
        raise CuratorError(f"no single encoder {name!r} here: give the id of one of these: {known}")
    fingerprint = found[0].fingerprint
    with workspace.locked("encoder"):
        if not _usable(workspace, fingerprint):
            raise CuratorError(
                f"the embeddings of {_name(found[0].spec)} are not whole, or were made by an older curator: "
                f"run `{workspace.embed_command} --encoder ...` again"
            )
        workspace.set("encoder", fingerprint)
    return next(each for each in list_encoders(workspace) if each.current)


def _usable(workspace: Workspace, fingerprint: str) -> bool:
    known = has_choice(workspace, fingerprint) or fingerprint == workspace.encoder
    try:
        load_embeddings(workspace, fingerprint)
    except (DamagedFileError, MissingWorkError):
        return False
    return known


def _rows(workspace: Workspace) -> list[Any]:
    query = select(encoder.c.fingerprint, encoder.c.spec, encoder.c.dim).order_by(encoder.c.id)
    with workspace.database.reading() as connection:
        return list(connection.execute(query).all())


def _name(spec: dict[str, Any]) -> str:
    """Its name, and of weights from a file which file."""
    source = Path(spec["source"])
    return f"{spec['name']} ({source.name})" if source.suffix in WEIGHT_SUFFIXES else str(spec["name"])


def _learned(spec: dict[str, Any]) -> bool:
    """Whether it has learned labels, as `curator finetune` makes it."""
    return bool(spec.get("learned", str(spec["name"]).endswith(_LEARNED_ENDS)))


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
