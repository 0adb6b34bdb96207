"""What a report says of a workspace, gathered from the verbs, or the reason why not."""

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np

from curator.errors import CuratorError, MissingWorkError
from curator.jobs._thumbnails import thumbnail_or_nothing
from curator.jobs.audit import audit_with_votes
from curator.jobs.duplicates import duplicates
from curator.jobs.faults import faults
from curator.jobs.layout import stored_layout
from curator.jobs.map import map_view
from curator.jobs.next_step import next_step
from curator.jobs.outliers import outliers
from curator.jobs.progress import Progress
from curator.jobs.state import State
from curator.jobs.status import status
from curator.pictures.plots import check_matplotlib, plot_map
from curator.propagation.held_out import held_out_confidence
from curator.queries import ExpectedGain, expected_gain
from curator.reporting.findings import (
    Contents,
    Duplicates,
    Encoder,
    Faults,
    Findings,
    LabelIssues,
    Next,
    Outliers,
    Trial,
    Unmade,
)
from curator.store.catalog import ImageRow
from curator.store.runs import last_run
from curator.store.workspace import Workspace

T = TypeVar("T")

_MOST_LAID_OUT = 50_000  # images: beyond, a map takes minutes, and is shown only where there is one
_MOST_TRIED = 100_000  # images: beyond, trials of propagation take minutes
_SIDE = 192  # pixels of a thumbnail
_DPI = 110  # of the map
_QUERY = "curator query --budget 100 --output to_label.csv"


def gather(state: State, *, seed: int, progress: Progress) -> Findings:
    """Run what a report needs and nothing has kept; only faults are shown just where they were measured."""
    workspace = state.workspace
    rows = state.images(np.arange(len(state.image_ids)))
    steps: list[tuple[str, Callable[[], object], str]] = [
        ("issues", lambda: _issues(workspace, seed), "curator label import labels.csv"),
        ("duplicates", lambda: _duplicates(workspace), "curator duplicates"),
        ("outliers", lambda: _outliers(workspace), "curator outliers"),
        ("faults", lambda: _faults(workspace, progress), "curator faults"),
        ("gain", lambda: _gain(state, seed), _QUERY),
        ("trial", lambda: _trial(state, seed), _QUERY),
        ("map_png", lambda: _map(state, seed), "curator map"),
    ]
    found = {}
    for number, (name, make, command) in enumerate(steps, start=1):
        found[name] = _tried(make, command)
        progress("report", number, len(steps))
    advice = next_step(workspace, seed=seed)
    return Findings(
        contents=_contents(state, rows),
        encoder=_encoder(workspace),
        next=Next(advice.command, advice.reason),
        picture=_pictures(workspace, rows),
        **found,  # type: ignore[arg-type]  # each is what its step makes, or Unmade
    )


def _tried(make: Callable[[], T], command: str) -> T | Unmade:
    try:
        return make()
    except CuratorError as error:
        return Unmade(str(error), command)


def _contents(state: State, rows: list[ImageRow]) -> Contents:
    catalog = state.workspace.catalog
    suffixes, counts = np.unique(
        [PurePosixPath(row.path).suffix.lower().removeprefix(".") for row in rows], return_counts=True
    )
    per_class = np.bincount(state.labels[state.labels >= 0], minlength=len(state.names)).tolist()
    return Contents(
        folder=state.workspace.images.name,
        images=len(rows),
        broken=list(catalog.broken()),
        sizes=np.array(catalog.sizes(state.image_ids.tolist()), np.int64).reshape(-1, 2),
        formats=dict(zip(suffixes.tolist(), counts.tolist(), strict=True)),
        counts={name: count for name, count in zip(state.names, per_class, strict=True) if count},
        made_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _encoder(workspace: Workspace) -> Encoder | Unmade:
    known = status(workspace)
    current = next((each for each in known.encoders if each.current), None)
    if current is None:
        return Unmade("there are no embeddings", workspace.embed_command)
    return Encoder(current.name, current.dim, current.knn_accuracy, known.graph or "none")


def _issues(workspace: Workspace, seed: int) -> LabelIssues:
    found, table, votes = audit_with_votes(workspace, seed=seed)
    errors = found.estimated_errors, found.errors_low, found.errors_high
    return LabelIssues(found.labels, found.suspects, errors, found.supported, table, votes)


def _duplicates(workspace: Workspace) -> Duplicates:
    found, table = duplicates(workspace)
    return Duplicates(found.groups, found.exact, found.near, found.conflicts, table)


def _outliers(workspace: Workspace) -> Outliers:
    found, table = outliers(workspace)
    return Outliers(found.outliers, table)


def _faults(workspace: Workspace, progress: Progress) -> Faults:
    if last_run(workspace.database, "faults") is None:
        raise MissingWorkError("the pictures have not been measured, which reads every file once")
    found, table = faults(workspace, progress=progress)
    return Faults(found.faulty, found.counts, table)


def _gain(state: State, seed: int) -> ExpectedGain:
    _few_enough(state)
    return expected_gain(state.graph, state.labels, n_classes=len(state.names) or None, seed=seed)


def _trial(state: State, seed: int) -> Trial:
    _few_enough(state)
    return Trial(*held_out_confidence(state.graph, state.labels, embeddings=state.embeddings, seed=seed))


def _few_enough(state: State) -> None:
    if len(state.labels) > _MOST_TRIED:
        raise CuratorError(f"with more than {_MOST_TRIED:,} images it takes minutes")


def _map(state: State, seed: int) -> bytes:
    check_matplotlib()
    if len(state.labels) > _MOST_LAID_OUT and stored_layout(state) is None:
        raise MissingWorkError(f"laying out more than {_MOST_LAID_OUT:,} images takes minutes")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.png"
        plot_map(map_view(state, "label", seed=seed), path, dpi=_DPI)
        return path.read_bytes()


def _pictures(workspace: Workspace, rows: list[ImageRow]) -> Callable[[str], bytes]:
    by_path = {row.path: row for row in rows}

    def picture(path: str) -> bytes:
        row = by_path.get(path)
        return b"" if row is None else thumbnail_or_nothing(workspace, row, _SIDE)

    return picture
