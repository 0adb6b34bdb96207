"""Labels spread over the workspace's graph, as a table of predictions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from curator.errors import MissingWorkError
from curator.jobs._propagation import store_propagation
from curator.jobs.kept_runs import keep_run
from curator.jobs.state import load_state
from curator.store.runs import recorded
from curator.store.workspace import Workspace
from curator.tables import cells, check_output, write_csv

COLUMNS = ["path", "predicted_label", "confidence", "given_label", "id"]
NO_LABELS = (
    "there are no labels to propagate yet: fill in the `label` column of `curator query --budget 20 "
    "--output to_label.csv` and hand it back with `curator label import to_label.csv`"
)


@dataclass(frozen=True)
class PropagateReport:
    """Counts of a propagation; `mean_confidence` is over the unlabelled images.

    `confidence_margin` is how far that may be from the share of them that is right, at 95 %, by labels held
    out; None where there are too few to hold out, and confidence is a guess.
    """

    images: int
    labelled: int
    classes: int
    mean_confidence: float | None
    confidence_margin: float | None
    unreachable: int


def propagate(
    workspace: Workspace, *, output: Path | None = None, overwrite: bool = False
) -> tuple[PropagateReport, pd.DataFrame]:
    """Propagate the current labels, keep the result, and return it as rows in path order."""
    check_output(output, overwrite=overwrite)
    with workspace.locked("propagate"), recorded(workspace.database, "propagate", {}) as outcome:
        state = load_state(workspace)
        if not state.any_label:
            raise MissingWorkError(NO_LABELS)
        soft = store_propagation(state)
        keep_run(state, "propagate", np.arange(len(state.image_ids)), soft.predictions, soft.confidence)
        rows = [
            {
                "path": image.path,
                "predicted_label": state.name(int(soft.predictions[i])),
                "confidence": float(soft.confidence[i]),
                "given_label": state.name(int(state.labels[i])),
                "id": image.content_hash,
            }
            for i, image in enumerate(state.images(np.arange(len(state.image_ids))))
        ]
        frame = cells(rows, COLUMNS)
        if output is not None:
            write_csv(frame, output, overwrite=overwrite)
        report = PropagateReport(
            images=len(frame),
            labelled=int((state.labels >= 0).sum()),
            classes=len(state.names),
            mean_confidence=_known(soft.mean_confidence),
            confidence_margin=_known(soft.confidence_margin),
            unreachable=int((~soft.reachable).sum()),
        )
        outcome |= vars(report)
    return report, frame


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
