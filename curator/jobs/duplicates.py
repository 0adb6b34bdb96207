"""Exact and near duplicates of the workspace, group by group, with the one to keep and why."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from curator.data_faults.duplication import DuplicateGroups, find_duplicates
from curator.jobs._pictures import Pictures
from curator.jobs.progress import Progress, silent
from curator.jobs.state import State, load_state
from curator.store.catalog import ImageRow
from curator.store.runs import recorded
from curator.store.workspace import Workspace
from curator.tables import cells, check_output, write_csv

COLUMNS = [
    "rank",
    "path",
    "group",
    "keep",
    "kind",
    "similarity",
    "given_label",
    "label_conflict",
    "id",
    "reason",
]


@dataclass(frozen=True)
class DuplicatesReport:
    """How many groups of duplicates there are, and what they hold.

    `exact` and `near` count the images that could go, `conflicts` the groups under more than one label.
    `threshold` is the similarity above which two images were taken for near duplicates.
    """

    images: int
    groups: int
    exact: int
    near: int
    conflicts: int
    threshold: float


def duplicates(
    workspace: Workspace,
    *,
    threshold: float | None = None,
    output: Path | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> tuple[DuplicatesReport, pd.DataFrame]:
    """List the images that show the same as another, group by group, the one to keep first.

    Kept is the image with the most pixels; of several the labelled one, then the first by path. Groups whose
    members are labelled differently come first, then the largest.

    Args:
        workspace: with embeddings; labels are not needed.
        threshold: similarity above which two images are near duplicates; None for one chosen from the data.
        output: where to write the table.
        overwrite: whether a file there may be replaced.
        progress: told of the pictures compared.

    Raises:
        CuratorError: a threshold outside (0, 1], or a file that may not be replaced.
        MissingWorkError: there are no embeddings yet.

    """
    check_output(output, overwrite=overwrite)
    with recorded(workspace.database, "duplicates", {"threshold": threshold}) as outcome:
        state = load_state(workspace)
        found = grouped(state, threshold, progress)
        frame = _frame(state, found)
        if output is not None:
            write_csv(frame, output, overwrite=overwrite)
        report = _report(state, found, frame)
        outcome |= vars(report) | {"made_from": state.identity()}
    return report, frame


def grouped(state: State, threshold: float | None = None, progress: Progress = silent) -> DuplicateGroups:
    """The duplicates among the images of a workspace."""
    rows = np.arange(len(state.image_ids))
    hashes = np.array([image.content_hash for image in state.images(rows)])
    pixels = np.array(state.workspace.catalog.sizes(state.image_ids.tolist()), np.int64).prod(axis=1)
    return find_duplicates(
        state.graph,
        state.embeddings,
        contents=np.unique(hashes, return_inverse=True)[1],
        preference=2 * pixels + (state.labels >= 0),  # labelled decides among images of one size
        threshold=threshold,
        confirm=Pictures(state, progress).same,
    )


def conflicting(groups: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether each row's group holds more than one label, bool [n]; -1 is none."""
    n = int(groups.max(initial=-1)) + 1
    low, high = np.full(n, np.iinfo(np.int64).max), np.full(n, -1)
    known = labels >= 0
    np.minimum.at(low, groups[known], labels[known])
    np.maximum.at(high, groups[known], labels[known])
    return np.asarray((high > low)[groups])


def _frame(state: State, found: DuplicateGroups) -> pd.DataFrame:
    members, conflict = found.members, conflicting(found.keeper, state.labels)
    size = np.bincount(found.keeper, minlength=len(found.keeper))[found.keeper]
    order = members[
        np.lexsort(
            (
                -found.similarity[members],
                members != found.keeper[members],
                found.keeper[members],
                -size[members],
                ~conflict[members],
            )
        )
    ]
    number = np.cumsum(np.diff(found.keeper[order], prepend=-1) != 0)
    images = dict(zip(order.tolist(), state.images(order), strict=True))
    why_kept = _why_kept(state, found)
    rows = []
    for place, row in enumerate(order.tolist()):
        image, keeper = images[row], int(found.keeper[row])
        exact = image.content_hash == images[keeper].content_hash
        reason = why_kept(row) if row == keeper else _why_gone(image, images[keeper], exact)
        rows.append(
            {
                "rank": place + 1,
                "path": image.path,
                "group": int(number[place]),
                "keep": row == keeper,
                "kind": "kept" if row == keeper else "exact" if exact else "near",
                "similarity": float(found.similarity[row]),
                "given_label": state.name(int(state.labels[row])),
                "label_conflict": bool(conflict[row]),
                "id": image.content_hash,
                "reason": reason + ("; the labels of this group differ" if conflict[row] else ""),
            }
        )
    return cells(rows, COLUMNS)


def _why_gone(image: ImageRow, keeper: ImageRow, exact: bool) -> str:
    return f"the same file as {keeper.path}" if exact else f"nearly the same image as {keeper.path}"


def _why_kept(state: State, found: DuplicateGroups) -> Callable[[int], str]:
    """A function that says of a keeper why it was chosen, by what sets it apart from the others."""
    members = found.members
    sizes = dict(
        zip(members.tolist(), state.workspace.catalog.sizes(state.image_ids[members].tolist()), strict=True)
    )
    others: dict[int, list[int]] = {}
    for row in members[found.keeper[members] != members].tolist():
        others.setdefault(int(found.keeper[row]), []).append(row)

    def reason(keeper: int) -> str:
        width, height = sizes[keeper]
        if any(width * height > sizes[row][0] * sizes[row][1] for row in others[keeper]):
            return f"keep: the largest, {width} x {height} pixels"
        if state.labels[keeper] >= 0 and any(state.labels[row] < 0 for row in others[keeper]):
            return "keep: labelled"
        return "keep: the first by path of equals"

    return reason


def _report(state: State, found: DuplicateGroups, frame: pd.DataFrame) -> DuplicatesReport:
    return DuplicatesReport(
        images=len(state.image_ids),
        groups=int(frame.group.nunique()),
        exact=int((frame.kind == "exact").sum()),
        near=int((frame.kind == "near").sum()),
        conflicts=int(frame.group[frame.label_conflict.astype(bool)].nunique()),
        threshold=found.threshold,
    )
