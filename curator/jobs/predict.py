"""Labels for images outside of the workspace, from all that it has learned."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from curator.encoders import Encoder, EncoderSpec
from curator.encoders.finetuned import Head, head_of
from curator.errors import CuratorError, MissingWorkError
from curator.images import Found, UnreadableImageError, read_image, scan
from curator.jobs._artifacts import load_index
from curator.jobs._reading import content_hash
from curator.jobs.embed import HARMLESS_REASONS, remembered_encoder
from curator.jobs.progress import Progress, silent
from curator.jobs.propagate import NO_LABELS
from curator.jobs.state import State, load_state, probabilities
from curator.neighbors import TEMPERATURE
from curator.store.catalog import pages
from curator.store.workspace import Workspace
from curator.tables import cells, check_output, write_csv
from curator_indexes import VectorIndex
from curator_indexes.runtime import usable_cpus

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
class _Outside:
    """One file that is no part of the workspace, as read."""

    path: str
    content_hash: str
    pixels: npt.NDArray[np.uint8]


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
    unreadable: list[dict[str, str]] = []
    found = _found(folder)
    for batch in _batches(folder, found, encoder, unreadable):
        rows += _judged(judge, encoder, batch)
        progress("predict", len(rows) + len(unreadable), len(found))
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


def _batches(
    folder: Path, found: list[Found], encoder: Encoder, unreadable: list[dict[str, str]]
) -> Iterator[list[_Outside]]:
    """Read files ahead of the network; what cannot be read goes to `unreadable`."""
    with ThreadPoolExecutor(usable_cpus()) as pool:
        for page in pages(found, encoder.batch_size * usable_cpus()):
            results = pool.map(_read, repeat(folder), page, repeat(encoder.spec))
            read = list(results)
            unreadable += [item for item in read if isinstance(item, dict)]
            yield [item for item in read if isinstance(item, _Outside)]


def _read(folder: Path, file: Found, spec: EncoderSpec) -> _Outside | dict[str, str]:
    if file.reason is not None:
        return {"path": file.path, "reason": file.reason, "message": file.message or ""}
    try:
        data = read_image(folder / file.path)
        return _Outside(file.path, content_hash(data), spec.decode(data).pixels)
    except UnreadableImageError as error:
        return {"path": file.path, "reason": error.reason, "message": error.message}


def _judged(judge: _Judge, encoder: Encoder, batch: list[_Outside]) -> list[dict[str, object]]:
    """Table rows of one batch."""
    if not batch:
        return []
    vectors = encoder.encode(np.stack([image.pixels for image in batch]))
    rows, similarities = judge.index.search(vectors.astype(np.float16), min(_VOTERS, len(judge.shares)))
    shares = judge.probabilities(vectors, rows, similarities)
    order = np.argsort(-shares, axis=1, kind="stable")
    nearest = judge.state.images(rows[:, 0])
    return [
        {
            "path": image.path,
            "predicted_label": judge.state.name(int(order[i, 0])),
            "confidence": float(shares[i, order[i, 0]]),
            "second_label": judge.state.name(int(order[i, 1])) if len(order[i]) > 1 else "",
            "nearest": nearest[i].path,
            "similarity": float(similarities[i, 0]),
            "id": image.content_hash,
        }
        for i, image in enumerate(batch)
    ]
