"""Which labels of the workspace to doubt, as a ranked table."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from curator.audits import AuditReport
from curator.audits import audit as doubt
from curator.errors import MissingWorkError
from curator.jobs.state import State, load_state
from curator.store.catalog import ImageRow
from curator.store.runs import recorded
from curator.store.workspace import Workspace
from curator.tables import cells, check_output, write_csv

COLUMNS = [
    "rank",
    "path",
    "given_label",
    "suggested_label",
    "error_probability",
    "neighbor_agreement",
    "label",
    "id",
    "reason",
]


@dataclass(frozen=True)
class AuditSummary:
    """What an audit found: labels looked at, labels doubted, and how many are wrong with a 95 % interval.

    `supported` is the share of labels that the embeddings would have given too.
    """

    labels: int
    suspects: int
    estimated_errors: float
    errors_low: float
    errors_high: float
    supported: float


def audit(
    workspace: Workspace,
    *,
    seed: int = 0,
    everything: bool = False,
    output: Path | None = None,
    overwrite: bool = False,
) -> tuple[AuditSummary, pd.DataFrame]:
    """Rank the labels to doubt, most suspect first: those flagged, or with `everything` all of them."""
    check_output(output, overwrite=overwrite)
    with recorded(workspace.database, "audit", {"seed": seed, "everything": everything}) as outcome:
        state = load_state(workspace)
        if not state.any_label:
            raise MissingWorkError("there are no labels to audit yet: see `curator label import --help`")
        report = doubt(
            state.graph, state.labels, embeddings=state.embeddings, n_classes=len(state.names), seed=seed
        )
        frame = _frame(state, report, everything)
        if output is not None:
            write_csv(frame, output, overwrite=overwrite)
        labelled, suspects = int((state.labels >= 0).sum()), int(report.issues.sum())
        estimate, low, high = map(float, report.error_count)
        summary = AuditSummary(labelled, suspects, estimate, low, high, report.supported)
        outcome |= vars(summary) | {"made_from": state.identity()}
    return summary, frame


def _frame(state: State, report: AuditReport, everything: bool) -> pd.DataFrame:
    listed = np.flatnonzero(state.labels >= 0 if everything else report.issues)
    order = listed[np.argsort(-report.error_probability[listed], kind="stable")]
    twins = _contradicting_copies(state)
    rows = [
        {
            "rank": place + 1,
            "path": image.path,
            "given_label": state.name(int(state.labels[row])),
            "suggested_label": state.name(int(report.suggested_labels[row])),
            "error_probability": float(report.error_probability[row]),
            "neighbor_agreement": float(report.neighbor_agreement[row]),
            "label": "",
            "id": image.content_hash,
            "reason": twins.get(image.id) or _reason(state, report, int(row)),
        }
        for place, (row, image) in enumerate(zip(order, state.images(order), strict=True))
    ]
    return cells(rows, COLUMNS)


def _contradicting_copies(state: State) -> dict[int, str]:
    """By image id, a file of the same content that is labelled otherwise."""
    labelled = np.flatnonzero(state.labels >= 0)
    by_content: dict[str, list[tuple[ImageRow, int]]] = {}
    for row, image in zip(labelled, state.images(labelled), strict=True):
        by_content.setdefault(image.content_hash, []).append((image, int(state.labels[row])))
    reasons = {}
    for copies in by_content.values():
        for image, label in copies:
            other = next((other for other in copies if other[1] != label), None)
            if other is not None:
                reasons[image.id] = (
                    f"the same file as {other[0].path}, which is labelled {state.name(other[1])}"
                )
    return reasons


def _reason(state: State, report: AuditReport, row: int) -> str:
    agreeing = report.neighbor_agreement[row]
    given, suggested = state.name(int(state.labels[row])), state.name(int(report.suggested_labels[row]))
    if np.isnan(agreeing):
        return f"none of its neighbours is labelled; {suggested} fits best"
    if given == suggested:
        return f"{agreeing:.0%} of its nearest labelled images are {given} too"
    return f"{agreeing:.0%} of its nearest labelled images are {given}; {suggested} fits better"
