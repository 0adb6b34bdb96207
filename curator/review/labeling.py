"""Label mode: who is asked about which image next, and what they answer."""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from curator.errors import CuratorError
from curator.review.advice import Advice, Advisor
from curator.review.cards import cards, proposals
from curator.review.session import LABEL_SOURCE, UNSURE_SOURCE, Ids, Session

AHEAD = 4  # cards handed out at once: the one to answer, and some to fetch pictures for
TILES = 24
_PATIENCE = 600.0  # seconds for which an image that one client was given is not given to another
_FIRST_WAIT = 0.6  # seconds that the first screen waits for a ranking


class Labeling:
    """Hands images out, best first, each to one client at a time."""

    def __init__(self, session: Session, advisor: Advisor) -> None:
        self._session, self._advisor = session, advisor
        self._given: dict[int, tuple[str, float]] = {}  # row -> who has it, and since when
        self._skipped: dict[str, OrderedDict[int, None]] = {}
        self._lock = threading.Lock()

    def next(self, client: str, first: Sequence[int] = ()) -> dict[str, Any]:
        """The next images for a client, those of `first` before all others, and how far everyone is."""
        advice = self._advisor.wait(1, _FIRST_WAIT)
        rows = list(first)[:AHEAD] or self._choose(client, advice)
        return {"cards": cards(self._session, advice, rows), "progress": self.progress(client)}

    def answer(self, client: str, action: str, rows: Sequence[int], label: str | None) -> None:
        """Store a label for these images; None for images that the person cannot tell."""
        if not 0 < len(rows) <= TILES * 10 or len(set(rows)) < len(rows):
            raise CuratorError(f"wanted 1 to {TILES * 10} different images, not {len(rows)}")
        source = UNSURE_SOURCE if label is None else LABEL_SOURCE
        self._session.say(client, action, rows, label, source)

    def pass_over(self, client: str, rows: Sequence[int]) -> None:
        """Ask this client about other images first."""
        with self._lock:
            skipped = self._skipped.setdefault(client, OrderedDict())
            for row in rows:
                skipped[row] = None
                skipped.move_to_end(row)

    def group(self, client: str) -> dict[str, Any]:
        """The next image and look-alikes that are probably of its class, to be accepted at once."""
        advice = self._advisor.wait(1, _FIRST_WAIT)
        chosen = self._choose(client, advice)[:1]
        rows = look_alikes(self._session, advice, chosen[0]) if chosen else []
        tiles = [
            {
                "id": int(self._session.state.image_ids[row]),
                "path": image.path,
                "proposals": proposals(self._session, advice, row, most=1),
            }
            for row, image in zip(rows, self._session.state.images(np.array(rows, np.int64)), strict=True)
        ]
        return {
            "tiles": tiles,
            "cards": cards(self._session, advice, chosen),
            "progress": self.progress(client),
        }

    def progress(self, client: str) -> dict[str, Any]:
        """Labels given, what they are worth, and what more would be."""
        session, advice = self._session, self._advisor.advice
        gain = advice.gain
        done, undone = session.steps(client)
        return {
            "images": session.n,
            "labelled": int((session.labels >= 0).sum()),
            "classes": [
                {"name": name, "count": count}
                for name, count in zip(session.names, session.counts().tolist(), strict=False)
            ],
            "accuracy": advice.accuracy,
            "gain": None
            if gain is None
            else {"more": gain.more, "estimate": gain.estimate, "low": gain.low, "high": gain.high},
            "strategy": advice.strategy,
            "round": advice.round,
            "undo": done,
            "redo": undone,
        }

    def _choose(self, client: str, advice: Advice) -> list[int]:
        """The best images that are free, and again those skipped longest ago once there are no others."""
        with self._lock:
            now, skipped = time.monotonic(), self._skipped.get(client, OrderedDict())
            free = [row for row in self._ranked(advice) if self._free(row, client, now)]
            rows = [row for row in free if row not in skipped][:AHEAD]
            rows += [row for row in skipped if self._free(row, client, now)][: AHEAD - len(rows)]
            self._given = {row: given for row, given in self._given.items() if given[0] != client}
            self._given |= dict.fromkeys(rows, (client, now))
            return rows

    def _ranked(self, advice: Advice) -> list[int]:
        if any(self._open(row) for row in advice.ranking.tolist()):
            return [int(row) for row in advice.ranking]
        # The ranking is not made yet, or used up before the next came: any image is better than a pause.
        unlabelled = np.flatnonzero(self._session.labels < 0)
        sample = np.random.default_rng(len(unlabelled)).permutation(unlabelled)[:200]
        return [int(row) for row in sample]

    def _free(self, row: int, client: str, now: float) -> bool:
        owner, since = self._given.get(row, (client, now))
        return self._open(row) and (owner == client or now - since > _PATIENCE)

    def _open(self, row: int) -> bool:
        return self._session.labels[row] < 0 and row not in self._session.set_aside


def look_alikes(session: Session, advice: Advice, row: int) -> list[int]:
    """A row and the unlabelled images around it that are probably of the same class, most similar first."""
    graph = session.state.graph
    near = _around(graph.neighbors, row)
    scores = session.state.embeddings[near].astype(np.float32) @ session.state.embeddings[row].astype(
        np.float32
    )
    near = near[np.argsort(-scores, kind="stable")]
    alike = (session.labels[near] < 0) & ~np.isin(near, list(session.set_aside)) & (near != row)
    if advice.probabilities is not None:
        alike &= advice.probabilities[near].argmax(axis=1) == advice.probabilities[row].argmax()
    return [row, *near[alike][: TILES - 1].tolist()]


def _around(neighbors: Any, row: int) -> Ids:
    """The neighbours of a row and theirs."""
    near = np.asarray(neighbors[row], np.int64)
    return np.unique(np.concatenate([near, np.asarray(neighbors[near[:20]], np.int64).ravel()]))
