"""Faulty pictures of the workspace: unreadable, blurred, dark, empty, of odd size, shape or colour."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curator.data_faults.quality import FAULTS, fault_scores
from curator.errors import MissingWorkError
from curator.jobs._measures import picture_measures
from curator.jobs.progress import Progress, silent
from curator.store.catalog import ImageRow
from curator.store.runs import recorded
from curator.store.workspace import Workspace
from curator.tables import cells, check_output, write_csv

COLUMNS = ["rank", "path", "fault", "score", "id", "reason"]
REASONS = {
    "blurred": "blurred: blurring it again changes little",
    "dark": "dark: even its brightest hundredth is dim",
    "bright": "bright: even its darkest twentieth is nearly white",
    "low_information": "nearly empty: few different grey values",
    "odd_aspect": "long and narrow: {width} x {height} pixels",
    "odd_size": "{width} x {height} pixels, a quarter or four times the usual side",
    "odd_colour": "colours unlike the others': grey among colour, colour among grey, or made for print",
}


@dataclass(frozen=True)
class FaultsReport:
    """How many images have which fault; one may have several. `unreadable` files are not among `images`."""

    images: int
    faulty: int
    unreadable: int
    counts: dict[str, int]


def faults(
    workspace: Workspace,
    *,
    output: Path | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> tuple[FaultsReport, pd.DataFrame]:
    """List faulty pictures, a row for each fault: what is unreadable, then fault by fault, the worst first.

    Every content is measured once; later runs read new and changed files only.

    Args:
        workspace: with a catalog; neither embeddings nor labels are needed.
        output: where to write the table.
        overwrite: whether a file there may be replaced.
        progress: told of every image.

    Raises:
        MissingWorkError: the folder has not been read yet.

    """
    check_output(output, overwrite=overwrite)
    with workspace.locked("faults"), recorded(workspace.database, "faults", {}) as outcome:
        images, broken = list(workspace.catalog.ready()), list(workspace.catalog.broken())
        if not (images or broken):
            raise MissingWorkError("no image has been read yet: run `curator embed FOLDER`")
        found = [*map(_unreadable, broken), *_faulty(workspace, images, progress)]
        frame = cells([{"rank": rank, **row} for rank, row in enumerate(found, start=1)], COLUMNS)
        if output is not None:
            write_csv(frame, output, overwrite=overwrite)
        counts = {fault: int((frame.fault == fault).sum()) for fault in FAULTS}
        faulty = frame.path[frame.fault.isin(list(FAULTS))].nunique()
        report = FaultsReport(len(images), int(faulty), len(broken), counts)
        outcome |= vars(report)
    return report, frame


def _unreadable(file: dict[str, Any]) -> dict[str, Any]:
    return {"path": file["path"], "fault": file["reason"], "score": 1.0, "id": "", "reason": file["message"]}


def _faulty(workspace: Workspace, images: list[ImageRow], progress: Progress) -> list[dict[str, Any]]:
    measures = picture_measures(workspace, images, progress)
    sizes = np.array(workspace.catalog.sizes([image.id for image in images]), np.int64).reshape(-1, 2)
    readable = ~np.isnan(measures).any(axis=1)
    scores = fault_scores(measures[readable], sizes[readable])
    rows = np.flatnonzero(readable)
    found = []
    for fault, limit in FAULTS.items():
        for place in np.flatnonzero(scores[fault] > limit):
            image, (width, height) = images[rows[place]], sizes[rows[place]]
            reason = REASONS[fault].format(width=width, height=height)
            score = float(scores[fault][place])
            found.append(
                {
                    "path": image.path,
                    "fault": fault,
                    "score": score,
                    "id": image.content_hash,
                    "reason": reason,
                }
            )
    kinds = list(FAULTS)
    return sorted(found, key=lambda row: (kinds.index(row["fault"]), -row["score"], row["path"]))
