"""Which labels of the workspace to doubt, as a ranked table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from curator.audits import AuditReport
from curator.audits import audit as doubt
from curator.audits.explanations import Explanation, explain
from curator.errors import CuratorError, MissingWorkError
from curator.jobs._second_opinions import leading_elsewhere, second_opinions
from curator.jobs._verdicts import checked_labels, known_samples, remember
from curator.jobs.kept_runs import keep_run
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
    "why",
]
_NAMED = 3  # neighbours whose files are named
Ids = npt.NDArray[np.int64]
Votes = dict[str, int]  # how many of an image's nearest have each label


@dataclass(frozen=True)
class AuditSummary:
    """What an audit found: labels looked at, labels doubted, and how many are wrong with a 95 % interval.

    `listed` is how many rows the table has. `checked` labels are the verdict of a person; `judged` of them
    were drawn for a sample, and the count rests on these where there are any. `rows_to_check` more would
    narrow its interval to 6 points. `supported` is the share of labels that the embeddings would have given
    too. `annotator_quality` is, where there are several, how probably a label of each annotator is right.
    """

    labels: int
    suspects: int
    estimated_errors: float
    errors_low: float
    errors_high: float
    supported: float
    listed: int
    checked: int
    judged: int
    rows_to_check: int
    annotator_quality: dict[str, float]


def audit(
    workspace: Workspace,
    *,
    seed: int = 0,
    everything: bool = False,
    sample: int | None = None,
    min_precision: float | None = None,
    output: Path | None = None,
    overwrite: bool = False,
) -> tuple[AuditSummary, pd.DataFrame]:
    """Rank the labels to doubt, most suspect first.

    Args:
        workspace: with embeddings and labels.
        seed: of the folds and of the sample.
        everything: list all labels instead of those in doubt.
        sample: draw so many labels for people to check instead, in random order, and remember the draw.
        min_precision: list as many labels as make, as far as is known, this share of them wrong.
        output: where to write the table.
        overwrite: whether a file there may be replaced.

    Raises:
        CuratorError: more than one of `everything`, `sample` and `min_precision`.
        MissingWorkError: there are no embeddings or no labels yet.

    """
    summary, frame, _ = audit_with_votes(
        workspace,
        seed=seed,
        everything=everything,
        sample=sample,
        min_precision=min_precision,
        output=output,
        overwrite=overwrite,
    )
    return summary, frame


def audit_with_votes(
    workspace: Workspace,
    *,
    seed: int = 0,
    everything: bool = False,
    sample: int | None = None,
    min_precision: float | None = None,
    output: Path | None = None,
    overwrite: bool = False,
) -> tuple[AuditSummary, pd.DataFrame, list[Votes]]:
    """As `audit`, and row by row of the table the labels of the nearest images, the most frequent first."""
    if everything + (sample is not None) + (min_precision is not None) > 1:
        raise CuratorError("choose one of --all, --sample and --min-precision: each lists other rows")
    check_output(output, overwrite=overwrite)
    parameters = {"seed": seed, "everything": everything, "sample": sample, "min_precision": min_precision}
    with recorded(workspace.database, "audit", parameters) as outcome:
        state = load_state(workspace)
        report, annotators = doubted(state, seed=seed)
        labelled = np.flatnonzero(state.labels >= 0)
        keep_run(
            state, "audit", labelled, report.suggested_labels[labelled], report.error_probability[labelled]
        )
        if sample is not None:
            drawn = report.sample(sample, seed=seed + len(report.samples))
            rows = drawn.rows
        else:
            rows = _listed(report, everything, min_precision)
        found = explain(state.graph, state.labels, rows, groups=report.groups)
        votes = [_votes(state, each) for each in found]
        frame = _frame(state, report, found, votes)
        if output is not None:
            write_csv(frame, output, overwrite=overwrite)
        if sample is not None:
            remember(state, drawn)
        summary = _summary(report, len(frame), annotators)
        outcome |= vars(summary) | {"made_from": state.identity()}
    return summary, frame, votes


def doubted(state: State, *, seed: int = 0) -> tuple[AuditReport, Sequence[str]]:
    """The doubts about the labels of a workspace, and the names of those who gave them."""
    if not state.any_label:
        raise MissingWorkError("there are no labels to audit yet: see `curator label import --help`")
    annotations, annotators = state.workspace.labels.annotations(state.image_ids, state.names)
    report = doubt(
        state.graph,
        state.labels,
        embeddings=state.embeddings,
        n_classes=len(state.names),
        seed=seed,
        annotations=annotations if annotations.shape[1] > 1 else None,
        checked=checked_labels(state),
        samples=known_samples(state),
    )
    return report, annotators


def _summary(report: AuditReport, listed: int, annotators: Sequence[str]) -> AuditSummary:
    estimate, low, high = map(float, report.error_count)
    quality = report.annotator_quality.tolist()
    return AuditSummary(
        labels=int((~np.isnan(report.error_probability)).sum()),
        suspects=int(report.issues.sum()),
        estimated_errors=estimate,
        errors_low=low,
        errors_high=high,
        supported=report.supported,
        listed=listed,
        checked=int(report.checked.sum()),
        judged=sum(int(sample.judged.sum()) for sample in report.samples),
        rows_to_check=report.rows_to_check,
        annotator_quality=dict(zip(annotators, quality, strict=True)) if quality else {},
    )


def _listed(report: AuditReport, everything: bool, min_precision: float | None) -> Ids:
    """Rows of the table, most suspect first."""
    if min_precision is not None:
        return report.at_precision(min_precision)
    labelled = ~np.isnan(report.error_probability)
    rows = np.flatnonzero(labelled if everything else report.issues | report.contradictions)
    ranked: Ids = rows[np.argsort(-report.error_probability[rows], kind="stable")]
    return ranked


def _frame(
    state: State, report: AuditReport, found: Sequence[Explanation], votes: Sequence[Votes]
) -> pd.DataFrame:
    order = np.array([each.row for each in found], np.int64)
    reason, why = _reasons(state, report), _whys(state, report, found, votes)
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
            "reason": reason(image, int(row)),
            "why": why[place],
        }
        for place, (row, image) in enumerate(zip(order, state.images(order), strict=True))
    ]
    return cells(rows, COLUMNS)


def _reasons(state: State, report: AuditReport) -> Callable[[ImageRow, int], str]:
    same_file, near = _contradicting_copies(state), _contradicting_duplicates(state, report)

    def reason(image: ImageRow, row: int) -> str:
        if report.checked[row]:
            return "a person has checked it"
        return same_file.get(image.id) or near.get(row) or _reason(state, report, row)

    return reason


def _contradicting_duplicates(state: State, report: AuditReport) -> dict[int, str]:
    """By row, a near duplicate that is labelled otherwise."""
    rows = np.flatnonzero(np.isin(report.groups, report.groups[report.contradictions]) & (state.labels >= 0))
    members: dict[int, list[int]] = {}
    for row in rows.tolist():
        members.setdefault(int(report.groups[row]), []).append(row)
    path = dict(zip(rows.tolist(), (image.path for image in state.images(rows)), strict=True))
    reasons = {}
    for row in np.flatnonzero(report.contradictions).tolist():
        others = members[int(report.groups[row])]
        other = next(other for other in others if state.labels[other] != state.labels[row])
        label = state.name(int(state.labels[other]))
        reasons[row] = f"nearly the same image as {path[other]}, which is labelled {label}"
    return reasons


def _whys(
    state: State, report: AuditReport, found: Sequence[Explanation], votes: Sequence[Votes]
) -> list[str]:
    """For each listed row: its neighbours' votes, the nearest files, where the doubt holds, who shares it."""
    others = second_opinions(state, np.array([each.row for each in found], np.int64))
    named = np.unique(np.concatenate([[], *(each.neighbors[:_NAMED] for each in found)]).astype(np.int64))
    path = dict(zip(named.tolist(), (image.path for image in state.images(named)), strict=True))
    return [
        "; ".join(filter(None, [_why(state, each, had, path), _likeliest(state, report, each.row), other]))
        for each, had, other in zip(found, votes, others, strict=True)
    ]


def _why(state: State, found: Explanation, votes: Votes, path: dict[int, str]) -> str:
    if not votes:
        return "no neighbour is labelled, besides near duplicates"
    labels = ", ".join(f"{count} {label}" for label, count in votes.items())
    nearest = ", ".join(
        f"{path[int(row)]} ({state.name(int(label))})"
        for row, label in zip(found.neighbors[:_NAMED], found.labels[:_NAMED], strict=True)
    )
    why = f"{len(found.neighbors)} nearest: {labels}; first {nearest}"
    if not found.majorities:
        return why
    return f"{why}; another label leads {leading_elsewhere(found, int(state.labels[found.row]))}"


def _votes(state: State, found: Explanation) -> Votes:
    ranked = [int(code) for code in np.argsort(-found.votes, kind="stable") if found.votes[code]]
    return {state.name(code): int(found.votes[code]) for code in ranked}


def _likeliest(state: State, report: AuditReport, row: int) -> str:
    said = (f"{state.name(code)} ({', '.join(names)})" for code, names in report.likeliest(row).items())
    return f"likeliest: {', '.join(said)}"


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
