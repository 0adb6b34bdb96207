"""Labels a minute, and what they teach, one by one and in grids: a scripted person at the page."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

import curator
from curator.jobs import embed as embedding
from curator.jobs.state import State
from curator.propagation import propagate
from curator.review.app import Review
from curator.review.clients import Client
from curator.review.session import Ids
from curator.store import Workspace

MARKS = (25, 50, 100, 200, 400, 800)
HELD_OUT = 1 / 6  # of the images: nobody is asked about them
_A_CLASS = 5_000  # rows of the reference embeddings
SCRIPT = Client("script", "tab")


class Step(NamedTuple):
    """One screen: decisions taken, and images looked at beyond the first."""

    decisions: int
    glances: int


def effort(images: Path, reference: Path | None, decisions: int, seconds: float, glance: float) -> None:
    """Label by each mode, and print what comes of it."""
    with tempfile.TemporaryDirectory() as folder:
        for mode, step in (("one by one", _one), ("grid", _grid)):
            workspace = Workspace.create(Path(folder) / mode.replace(" ", "-"), images)
            embedding.embed(workspace)
            review = Review.of(workspace, "script")
            if reference is not None:
                review.session.state = _with_reference(review.session.state, reference)
            _label_by(review, mode, step, decisions, seconds, glance)


def _with_reference(state: State, file: Path) -> State:
    """The same images with other embeddings: the rows of a class stand in the order of its files' names."""
    stored = np.load(file)["train"]
    paths = [Path(image.path) for image in state.images(np.arange(len(state.labels)))]
    names = sorted({path.parent.name for path in paths})
    rows = [_A_CLASS * names.index(path.parent.name) + int(path.stem) for path in paths]
    return replace(state, embeddings=stored[rows], graph=curator.knn_graph(stored[rows], k=50))


def _label_by(
    review: Review,
    mode: str,
    step: Callable[[Review, list[str]], Step],
    decisions: int,
    seconds: float,
    glance: float,
) -> None:
    session = review.session
    truth = [image.path.split("/")[0] for image in session.state.images(np.arange(session.n))]
    held_out = np.random.default_rng(0).permutation(session.n)[: round(HELD_OUT * session.n)]
    session.set_aside |= {int(row) for row in held_out}
    review.start()
    taken, spent, marks = 0, 0.0, [mark for mark in MARKS if mark <= decisions]
    while marks:
        begun = time.perf_counter()
        done = step(review, truth)
        time.sleep(done.decisions * seconds + done.glances * glance)
        taken, spent = taken + done.decisions, spent + time.perf_counter() - begun
        if taken >= marks[0]:
            given = int((session.labels >= 0).sum())
            print(f"{mode}: {taken} decisions in {spent:.0f} s, {given} labels, ", end="")
            print(
                f"{60 * given / spent:.0f} a minute, accuracy {_accuracy(review, truth, held_out):.1%}",
                flush=True,
            )
            marks = [mark for mark in marks if mark > taken]
    review.stop()


def _one(review: Review, truth: list[str]) -> Step:
    row = review.session.row(review.modes["label"].next(SCRIPT)["cards"][0]["id"])
    review.labeling.answer(SCRIPT, "", [row], truth[row])
    return Step(1, 0)


def _grid(review: Review, truth: list[str]) -> Step:
    """One decision for the class of most tiles, and one for each tile that is left out, which comes next."""
    rows = [review.session.row(tile["id"]) for tile in review.modes["grid"].next(SCRIPT)["tiles"]]
    label, _ = Counter(truth[row] for row in rows).most_common(1)[0]
    fitting = [row for row in rows if truth[row] == label]
    left_out = [row for row in rows if truth[row] != label]
    review.labeling.answer(SCRIPT, "", fitting, label, left_out)
    return Step(1 + len(left_out), len(rows) - 1)


def _accuracy(review: Review, truth: list[str], held_out: Ids) -> float:
    session, state = review.session, review.session.state
    soft = propagate(
        state.graph, session.labels.copy(), embeddings=state.embeddings, n_classes=len(session.names)
    )
    return float(np.mean([session.names[soft.predictions[row]] == truth[row] for row in held_out]))
