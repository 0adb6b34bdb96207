"""Labels for images outside of the workspace, from all that it has learned."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from curator.encoders import Encoder
from curator.encoders.finetuned import Head, head_of
from curator.errors import CuratorError, MissingWorkError
from curator.images import Found, scan
from curator.jobs._artifacts import load_index
from curator.jobs._propagation import probabilities
from curator.jobs._reading import ReadImage, read_folder
from curator.jobs.chosen_encoder import remembered_encoder
from curator.jobs.embed import HARMLESS_REASONS
from curator.jobs.progress import Progress, silent
from curator.jobs.propagate import NO_LABELS
from curator.jobs.state import State, load_state
from curator.neighbors import TEMPERATURE
from curator.store.workspace import Workspace
from curator.tables import cells, check_output, write_csv
from curator_indexes import VectorIndex

COLUMNS = ["path", "predicted_label", "confidence", "second_label", "nearest", "similarity", "id"]
_VOTERS = 20  # neighbours that vote, as in the accuracies of `curator status`

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PredictReport:
    """How many images were labelled, by what ("head" or "neighbours"), and which files could not be read.

    `unreadable` holds a dict of path, reason and message for each.
    """

    images: int
    by: str
    classes: int
    unreadable: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Judge:
    """What says which class a vector is of: the fine-tuned head, or else the nearest images' labels."""

    state: State
    index: VectorIndex
    shares: Floats
    head: Head | None

    def probabilities(self, vectors: Floats, rows: npt.NDArray[np.int64], similarities: Floats) -> Floats:
        """Class probabilities float32 [b, C] of unit vectors [b, d], given their nearest rows [b, k]."""
        if self.head is not None:
            order = [self.head.classes.index(name) for name in self.state.names]
            return np.take(self.head.probabilities(vectors), order, axis=1)
        weights = np.exp((similarities - similarities[:, :1]) / TEMPERATURE)
        weights /= weights.sum(axis=1, keepdims=True)
        votes: Floats = np.einsum("bk,bkc->bc", weights, self.shares[rows]).astype(np.float32)
        return votes


def predict(
    workspace: Workspace,
    folder: Path,
    *,
    device: str = "auto",
    output: Path | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> tuple[PredictReport, pd.DataFrame]:
    """Label the images in `folder`, which may lie anywhere, as rows in path order; nothing is stored.

    The head of a fine-tuned encoder judges them where it knows the classes of today, else the propagated
    labels of the nearest images do. A file that cannot be read is reported and stops nothing.
    """
    check_output(output, overwrite=overwrite)
    state = load_state(workspace)
    if not state.any_label:
        raise MissingWorkError(NO_LABELS)
    encoder = remembered_encoder(workspace, device=device)
    judge = _judge(state, encoder)
    rows: list[dict[str, object]] = []
    found = _found(folder)
    failed = {file.path: _failure(file.path, file) for file in found if file.reason is not None}
    paths = [file.path for file in found if file.reason is None]
    for batch in read_folder(folder, paths, encoder.spec, encoder.batch_size):
        rows += _judged(judge, encoder, paths, [image for image in batch if image.pixels is not None])
        broken = [image for image in batch if image.pixels is None]
        failed |= {paths[image.image_id]: _failure(paths[image.image_id], image) for image in broken}
        progress("predict", len(rows) + len(failed), len(found))
    unreadable = [failed[file.path] for file in found if file.path in failed]
    frame = cells(rows, COLUMNS)
    if output is not None:
        write_csv(frame, output, overwrite=overwrite)
    by = "neighbours" if judge.head is None else "head"
    return PredictReport(len(frame), by, len(state.names), unreadable), frame


def _judge(state: State, encoder: Encoder) -> _Judge:
    head = head_of(encoder)
    if head is not None and set(head.classes) != set(state.names):
        head = None  # classes have come or gone since: the neighbours know those of today
    return _Judge(state, load_index(state.workspace, state.embeddings), probabilities(state), head)


def _found(folder: Path) -> list[Found]:
    files = [file for file in scan(folder) if file.reason not in HARMLESS_REASONS]
    if not files:
        raise CuratorError(
            f"there are no images in {folder}: JPEG, PNG, WebP, BMP, TIFF and GIF files are looked for"
        )
    return files


def _failure(path: str, file: Found | ReadImage) -> dict[str, str]:
    return {"path": path, "reason": file.reason or "", "message": file.message or ""}


def _judged(
    judge: _Judge, encoder: Encoder, paths: Sequence[str], batch: Sequence[ReadImage]
) -> list[dict[str, object]]:
    """Table rows of images that could be read."""
    pixels = [image.pixels for image in batch if image.pixels is not None]
    if not pixels:
        return []
    vectors = encoder.encode(np.stack(pixels))
    rows, similarities = judge.index.search(vectors.astype(np.float16), min(_VOTERS, len(judge.shares)))
    shares = judge.probabilities(vectors, rows, similarities)
    order = np.argsort(-shares, axis=1, kind="stable")
    nearest = judge.state.images(rows[:, 0])
    return [
        {
            "path": paths[image.image_id],
            "predicted_label": judge.state.name(int(order[i, 0])),
            "confidence": float(shares[i, order[i, 0]]),
            "second_label": judge.state.name(int(order[i, 1])) if len(order[i]) > 1 else "",
            "nearest": nearest[i].path,
            "similarity": float(similarities[i, 0]),
            "id": image.content_hash,
        }
        for i, image in enumerate(batch)
    ]
