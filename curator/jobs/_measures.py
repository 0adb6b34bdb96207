"""Measures of the workspace's pictures, each content measured once and kept."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curator.data_faults.quality import LONGEST, Measures, measured
from curator.images import DECODER_FINGERPRINT, UnreadableImageError, decode_whole, read_image
from curator.jobs.progress import Progress
from curator.store.catalog import ImageRow, pages
from curator.store.workspace import Workspace
from curator_indexes.artifacts import find_artifact, write_artifact
from curator_indexes.runtime import usable_cpus

MEASURES = "measures"
VERSION = 1  # raised when the same picture would be measured otherwise
_KEPT_EVERY = 10_000  # images; an interrupted run loses no more
Values = npt.NDArray[np.float32]


def picture_measures(workspace: Workspace, images: Sequence[ImageRow], progress: Progress) -> Values:
    """`Measures` of these images, float32 [n, 6]; NaN where a file cannot be read any more."""
    known = _stored(workspace)
    fresh = {image.content_hash: image.path for image in images if image.content_hash not in known}
    done = 0
    with ThreadPoolExecutor(usable_cpus()) as pool:
        for page in pages(fresh.items(), _KEPT_EVERY):
            measure = partial(_measure, workspace.images)
            for (content, _), values in zip(page, pool.map(measure, [path for _, path in page]), strict=True):
                known[content] = values
                done += 1
                progress("faults", done, len(fresh))
            _store(workspace, known)
    rows = [known[image.content_hash] for image in images]
    return np.array(rows, np.float32).reshape(len(images), len(Measures._fields))


def _measure(folder: Path, path: str) -> Values:
    try:
        whole = decode_whole(read_image(folder / path), LONGEST)
    except UnreadableImageError:
        return np.full(len(Measures._fields), np.nan, np.float32)
    return np.array(measured(whole.pixels, whole.mode), np.float32)


def _inputs() -> dict[str, str | int]:
    return {"version": VERSION, "decoder": DECODER_FINGERPRINT, "longest": LONGEST}


def _stored(workspace: Workspace) -> dict[str, Values]:
    artifact = find_artifact(workspace.folder / MEASURES, MEASURES, _inputs())
    if artifact is None:
        return {}
    hashes, values = artifact.array("hashes"), np.array(artifact.array("values"))
    return {content.decode(): row for content, row in zip(hashes.tolist(), values, strict=True)}


def _store(workspace: Workspace, known: dict[str, Values]) -> None:
    """Keep what was measured; a file that could not be read is tried again."""
    kept = {content: row for content, row in known.items() if not np.isnan(row).any()}
    contents = {"hashes": np.array(list(kept), "S32"), "values": np.array(list(kept.values()), np.float32)}
    if kept:
        write_artifact(workspace.folder / MEASURES, MEASURES, _inputs(), {**contents})
