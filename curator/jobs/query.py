"""Which images of the workspace to label next, as a ranked table."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curator.errors import CuratorError
from curator.jobs._propagation import probabilities
from curator.jobs.state import State, load_state
from curator.queries import ExpectedGain, Ranking, expected_gain, usable
from curator.queries import query as rank
from curator.store.runs import recorded
from curator.store.workspace import Workspace
from curator.tables import cells, check_output, write_csv

_MOST_JUDGED = 200_000
_COMPARED = "others have labelled it: to measure agreement"
COLUMNS = ["rank", "path", "score", "strategy", "predicted_label", "confidence", "label", "id", "reason"]


@dataclass(frozen=True)
class QueryReport:
    """What a query chose: `asked` may exceed `chosen` when few unlabelled images are left.

    `gain` is what 100 more labels should add; None where there are too few labels to say, or more than
    200,000 images: there `curator.expected_gain` takes minutes, and is left to be asked for.
    """

    asked: int
    chosen: int
    strategy: str
    labelled: int
    gain: ExpectedGain | None


def query(
    workspace: Workspace,
    budget: int,
    *,
    strategy: str = "auto",
    seed: int = 0,
    annotator: str | None = None,
    overlap: float = 0.0,
    output: Path | None = None,
    overwrite: bool = False,
) -> tuple[QueryReport, pd.DataFrame]:
    """Rank the images most worth labelling; the table has an empty `label` column to fill in.

    Args:
        workspace: with embeddings.
        budget: how many images.
        strategy: see `curator.query`.
        seed: of every random choice.
        annotator: hand the images out to this annotator: nobody else is given them for 24 hours.
        overlap: the share of them that others are given too, so that agreement can be measured.
        output: where to write the table.
        overwrite: whether a file there may be replaced.

    Raises:
        CuratorError: an overlap without an annotator, or not from 0 to 1.
        MissingWorkError: there are no embeddings yet.

    """
    if overlap and annotator is None:
        raise CuratorError("an overlap is between annotators: say whose list this is with --annotator NAME")
    parameters = {"budget": budget, "strategy": strategy, "seed": seed}
    parameters |= {"annotator": annotator, "overlap": overlap}
    check_output(output, overwrite=overwrite)
    with recorded(workspace.database, "query", parameters) as outcome:
        state = load_state(workspace)
        others = [] if annotator is None else workspace.assignments.held_by_others(annotator)
        ranking = rank(
            state.graph,
            state.labels,
            budget + len(others),
            strategy=strategy,
            embeddings=state.embeddings,
            n_classes=len(state.names) or None,
            seed=seed,
        )
        if annotator is not None:
            ranking = _handed_out(state, ranking, annotator, budget, overlap, seed)
        frame = _frame(state, ranking)
        if output is not None:
            write_csv(frame, output, overwrite=overwrite)
        labelled, gain = int((state.labels >= 0).sum()), _gain(state, seed)
        report = QueryReport(budget, len(frame), ranking.strategy, labelled, gain)
        outcome |= vars(report) | {"gain": None if gain is None else gain.estimate}
    return report, frame


def _frame(state: State, ranking: Ranking) -> pd.DataFrame:
    guesses = probabilities(state)[ranking.ids] if state.any_label else None
    known = state.labels[ranking.ids] >= 0  # labelled by others, whose word is not told
    rows = [
        {
            "rank": place + 1,
            "path": image.path,
            "score": float(ranking.scores[place]),
            "strategy": ranking.strategy,
            **_guess(state, None if guesses is None or known[place] else guesses[place]),
            "label": "",
            "id": image.content_hash,
            "reason": ranking.reasons[place].format_map(_ClassNames(state)),
        }
        for place, image in enumerate(state.images(ranking.ids))
    ]
    return cells(rows, COLUMNS)


def _handed_out(
    state: State, ranking: Ranking, annotator: str, budget: int, overlap: float, seed: int
) -> Ranking:
    """What of a ranking an annotator is given; images that others have labelled stand last, unscored."""
    reserve = state.workspace.assignments.reserve
    rows = _labelled_by_others(state, annotator, seed) if overlap else ranking.ids[:0]
    every = np.concatenate([ranking.ids, rows])
    ids = state.image_ids[every].tolist()
    ranked, labelled = ids[: len(ranking.ids)], ids[len(ranking.ids) :]
    given = set(reserve(annotator, ranked, budget, overlap=overlap, labelled=labelled))
    kept = [place for place, image_id in enumerate(ids) if image_id in given]
    scores = np.concatenate([ranking.scores, np.full(len(rows), np.nan)])
    reasons = [*ranking.reasons, *[_COMPARED] * len(rows)]
    return replace(ranking, ids=every[kept], scores=scores[kept], reasons=[reasons[place] for place in kept])


def _labelled_by_others(state: State, annotator: str, seed: int) -> npt.NDArray[np.int64]:
    """Rows of images that other people have labelled and this one has not, in random order."""
    ids = state.workspace.labels.labelled_by_others(annotator)
    wanted = np.isin(state.image_ids, sorted(ids))
    return np.random.default_rng(seed).permutation(np.flatnonzero(wanted))


def _gain(state: State, seed: int) -> ExpectedGain | None:
    if len(state.labels) > _MOST_JUDGED or not len(usable(state.labels)):
        return None
    return expected_gain(state.graph, state.labels, n_classes=len(state.names), seed=seed)


def _guess(state: State, row: npt.NDArray[np.float32] | None) -> dict[str, Any]:
    """Predicted label and confidence; both empty before the first label."""
    if row is None:
        return {"predicted_label": "", "confidence": math.nan}
    return {"predicted_label": state.name(int(row.argmax())), "confidence": float(row.max())}


class _ClassNames(dict[str, str]):
    """Puts class names where a reason says {class_0}."""

    def __init__(self, state: State) -> None:
        super().__init__({f"class_{code}": name for code, name in enumerate(state.names)})
