"""Images of a test folder that the workspace holds as well: a test on them says nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from curator.data_faults.duplication import least_similarity
from curator.errors import CuratorError
from curator.images import checked_place, scan
from curator.jobs._artifacts import load_index
from curator.jobs._pictures import Pictures, read_thumbnails
from curator.jobs._reading import ReadImage, read_folder
from curator.jobs.chosen_encoder import remembered_encoder
from curator.jobs.progress import Progress, silent
from curator.jobs.state import State, load_state
from curator.store.runs import recorded
from curator.store.workspace import Workspace
from curator.tables import cells, check_output, write_csv
from curator_indexes import VectorIndex

COLUMNS = ["rank", "path", "kind", "similarity", "workspace_path", "given_label", "id", "reason"]
_COMPARED = 5  # nearest images of the workspace whose pictures are looked at
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LeakageReport:
    """How many images of a test folder are in the workspace, too; `broken` ones could not be read.

    `threshold` is the similarity from which on pictures were compared.
    """

    images: int
    exact: int
    near: int
    broken: int
    threshold: float


class Leak(NamedTuple):
    """A test image, by place in its folder's list, and the row of the workspace that shows the same."""

    place: int
    row: int
    similarity: float
    exact: bool
    content_hash: str


class _Found(NamedTuple):
    """For each of m test images its nearest rows of the workspace, int [m, c], and their similarities."""

    images: Sequence[ReadImage]
    rows: Ids
    similarities: npt.NDArray[np.float32]


def leakage(
    workspace: Workspace,
    test: Path,
    *,
    threshold: float | None = None,
    device: str = "auto",
    output: Path | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> tuple[LeakageReport, pd.DataFrame]:
    """List the images of the folder `test` of which the workspace holds an exact or near duplicate.

    The test images are embedded with the workspace's encoder and not stored. A test folder inside of the
    image folder is compared with the images outside of it.

    Args:
        workspace: with embeddings.
        test: a folder of images, searched with all its subfolders.
        threshold: similarity above which pictures are compared; None for one chosen from the data.
        device: where the network runs.
        output: where to write the table.
        overwrite: whether a file there may be replaced.
        progress: told of every batch.

    Raises:
        CuratorError: no such folder, no image in it, or an encoder that is not at hand any more.
        MissingWorkError: there are no embeddings yet.

    """
    check_output(output, overwrite=overwrite)
    checked_place(test)
    with recorded(workspace.database, "leakage", {"test": str(test), "threshold": threshold}) as outcome:
        state = load_state(workspace)
        paths = [file.path for file in scan(test) if file.reason is None]
        if not paths:
            raise CuratorError(f"there are no images in {test}: name the folder that holds the test images")
        least = least_similarity(state.graph, confirmed=True) if threshold is None else threshold
        leaks, broken = _leaks(state, test, paths, least, device, progress)
        frame = _frame(state, paths, leaks)
        if output is not None:
            write_csv(frame, output, overwrite=overwrite)
        exact = sum(leak.exact for leak in leaks)
        report = LeakageReport(len(paths), exact, len(leaks) - exact, broken, least)
        outcome |= vars(report)
    return report, frame


def _leaks(
    state: State, test: Path, paths: Sequence[str], least: float, device: str, progress: Progress
) -> tuple[list[Leak], int]:
    """All leaks, exact ones first, then the most similar; and how many files could not be read."""
    outside, pictures = _outside(state, test), Pictures(state)
    leaks: list[Leak] = []
    broken = done = 0
    for found in _nearest(state, test, paths, outside, device):
        readable = [image for image in found.images if image.content_hash is not None]
        broken, done = broken + len(found.images) - len(readable), done + len(found.images)
        leaks += _exact(state, readable, outside)
        known = {leak.place for leak in leaks}
        leaks += _near(found._replace(images=readable), pictures, test, paths, least, known)
        progress("leakage", done, len(paths))
    return sorted(leaks, key=lambda leak: (not leak.exact, -leak.similarity, leak.place)), broken


def _outside(state: State, test: Path) -> Ids:
    """Rows of the workspace whose files do not lie in the test folder, int64 [m], ascending."""
    images, rows = state.workspace.images, np.arange(len(state.image_ids))
    if not test.resolve().is_relative_to(images):
        return rows
    inside = test.resolve().relative_to(images).as_posix().removeprefix(".")
    kept = [not f"{image.path}".startswith(f"{inside}/" if inside else "") for image in state.images(rows)]
    if not any(kept):
        raise CuratorError(f"{test} holds all images of this workspace: name a folder with test images only")
    return rows[kept]


def _nearest(state: State, test: Path, paths: Sequence[str], outside: Ids, device: str) -> Iterator[_Found]:
    encoder = remembered_encoder(state.workspace, device=device)
    whole = len(outside) == len(state.image_ids)
    index = (
        load_index(state.workspace, state.embeddings)
        if whole
        else VectorIndex.build(state.embeddings[outside])
    )
    for batch in read_folder(test, paths, encoder.spec, encoder.batch_size):
        pixels = [image.pixels for image in batch if image.pixels is not None]
        if not pixels:
            yield _Found(batch, np.empty((0, 0), np.int64), np.empty((0, 0), np.float32))
            continue
        rows, similarities = index.search(encoder.encode(np.stack(pixels)), _COMPARED)
        yield _Found(batch, outside[rows], similarities)


def _exact(state: State, images: Sequence[ReadImage], outside: Ids) -> list[Leak]:
    rows = {int(state.image_ids[row]): int(row) for row in outside}
    hashes = [image.content_hash or "" for image in images]
    known = state.workspace.catalog.find_contents(hashes)
    same = {content: [rows[i] for i in ids if i in rows] for content, ids in known.items()}
    return [
        Leak(image.image_id, same[content][0], 1.0, True, content)
        for image, content in zip(images, hashes, strict=True)
        if same.get(content)
    ]


def _near(
    found: _Found, pictures: Pictures, test: Path, paths: Sequence[str], least: float, known: set[int]
) -> list[Leak]:
    """Of each image the nearest row that shows the same picture, where there is one."""
    places = np.array([image.image_id for image in found.images], np.int64)
    slots, columns = np.nonzero(found.similarities > least)
    fresh = ~np.isin(places[slots], list(known))
    slots, columns = slots[fresh], columns[fresh]
    asked, of_slot = np.unique(slots, return_inverse=True)
    if not len(asked):
        return []
    thumbnails = np.stack(read_thumbnails(test / paths[places[slot]] for slot in asked))
    same = pictures.same_as(thumbnails[of_slot], found.rows[slots, columns])
    slots, columns = slots[same], columns[same]
    leaks = []
    for slot in np.unique(slots).tolist():
        column = columns[slots == slot][0]  # columns rise: the nearest comes first
        content = found.images[slot].content_hash or ""
        similarity = float(found.similarities[slot, column])
        leaks.append(Leak(int(places[slot]), int(found.rows[slot, column]), similarity, False, content))
    return leaks


def _frame(state: State, paths: Sequence[str], leaks: Sequence[Leak]) -> pd.DataFrame:
    images = state.images(np.array([leak.row for leak in leaks], np.int64))
    rows = [
        {
            "rank": rank,
            "path": paths[leak.place],
            "kind": "exact" if leak.exact else "near",
            "similarity": leak.similarity,
            "workspace_path": image.path,
            "given_label": state.name(int(state.labels[leak.row])),
            "id": leak.content_hash,
            "reason": f"{'the same file as' if leak.exact else 'nearly the same image as'} {image.path}",
        }
        for rank, (leak, image) in enumerate(zip(leaks, images, strict=True), start=1)
    ]
    return cells(rows, COLUMNS)
