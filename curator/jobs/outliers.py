"""Images of the workspace that are far from all others, as a ranked table."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from curator.data_faults.outlyingness import Outliers, find_outliers
from curator.jobs.state import State, load_state
from curator.store.runs import recorded
from curator.store.workspace import Workspace
from curator.tables import cells, check_output, write_csv

COLUMNS = [
    "rank",
    "path",
    "outlier_score",
    "is_outlier",
    "strangeness",
    "ratio",
    "nearest",
    "given_label",
    "id",
    "reason",
]


@dataclass(frozen=True)
class OutliersReport:
    """How many images are too far from all others to be ordinary ones, and how many rows are listed."""

    images: int
    outliers: int
    listed: int
    false_share: float


def outliers(
    workspace: Workspace,
    *,
    false_share: float = 0.1,
    count: int | None = None,
    output: Path | None = None,
    overwrite: bool = False,
) -> tuple[OutliersReport, pd.DataFrame]:
    """List the images that are farthest from all others, the farthest first.

    Args:
        workspace: with embeddings; labels are not needed.
        false_share: the share of ordinary images to allow for among those called outliers.
        count: how many to list; None for the outliers, or the farthest hundredth where that is more.
        output: where to write the table.
        overwrite: whether a file there may be replaced.

    Raises:
        CuratorError: a share outside (0, 1), or a file that may not be replaced.
        MissingWorkError: there are no embeddings yet.

    """
    check_output(output, overwrite=overwrite)
    with recorded(workspace.database, "outliers", {"false_share": false_share, "count": count}) as outcome:
        state = load_state(workspace)
        found = find_outliers(state.graph, embeddings=state.embeddings, false_share=false_share)
        wanted = max(int(found.issues.sum()), -(-len(found.score) // 100)) if count is None else count
        ranked = np.argsort(-np.nan_to_num(found.strangeness, nan=-1), kind="stable")[:wanted]
        frame = _frame(state, found, ranked)
        if output is not None:
            write_csv(frame, output, overwrite=overwrite)
        report = OutliersReport(len(found.score), int(found.issues.sum()), len(frame), false_share)
        outcome |= vars(report)
    return report, frame


def _frame(state: State, found: Outliers, ranked: npt.NDArray[np.int64]) -> pd.DataFrame:
    nearest = state.images(state.graph.neighbors[ranked, 0]) if state.graph.k else []
    rows = [
        {
            "rank": place + 1,
            "path": image.path,
            "outlier_score": float(found.score[row]),
            "is_outlier": bool(found.issues[row]),
            "strangeness": float(found.strangeness[row]),
            "ratio": float(found.ratio[row]),
            "nearest": nearest[place].path if nearest else "",
            "given_label": state.name(int(state.labels[row])),
            "id": image.content_hash,
            "reason": _reason(found, int(row)),
        }
        for place, (row, image) in enumerate(zip(ranked, state.images(ranked), strict=True))
    ]
    return cells(rows, COLUMNS)


def _reason(found: Outliers, row: int) -> str:
    said = (
        f"{found.ratio[row]:.2f} times as far from its neighbours as these are from theirs; "
        f"{found.strangeness[row]:.2f} times as strange as the middle image"
    )
    return said if found.issues[row] else f"{said}; within what is ordinary here"
