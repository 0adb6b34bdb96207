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
UNKNOWN_TILES = 6  # in a group while nothing is known of classes: larger ones are seldom of one
SEEDS = 12  # of the ranking, whose groups are compared
_PATIENCE = 600.0  # seconds for which an image that one client was given is not given to another
_FIRST_WAIT = 0.3  # seconds that the first screen waits for a ranking


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
        rows = best_group(self._session, advice, self._choose(client, advice, SEEDS))
        self._hold(client, rows)
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
            "cards": cards(self._session, advice, rows[:1]),
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

    def _choose(self, client: str, advice: Advice, most: int = AHEAD) -> list[int]:
        """The best images that are free, and again those skipped longest ago once there are no others."""
        with self._lock:
            now, skipped = time.monotonic(), self._skipped.get(client, OrderedDict())
            free = [row for row in self._ranked(advice) if self._free(row, client, now)]
            rows = [row for row in free if row not in skipped][:most]
            rows += [row for row in skipped if self._free(row, client, now)][: most - len(rows)]
        self._hold(client, rows)
        return rows

    def _hold(self, client: str, rows: Sequence[int]) -> None:
        """Let a client have these rows, and only these, to itself for a while."""
        with self._lock:
            others = {row: given for row, given in self._given.items() if given[0] != client}
            self._given = others | dict.fromkeys(rows, (client, time.monotonic()))

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


def best_group(session: Session, advice: Advice, seeds: Sequence[int]) -> list[int]:
    """Of the groups around these rows the one of which most images are probably of one class."""
    groups = [look_alikes(session, advice, row) for row in seeds]
    shares = advice.probabilities
    if shares is None or not groups:
        return groups[0] if groups else []
    return max(groups, key=lambda rows: float(shares[rows, shares[rows[0]].argmax()].sum()))


def look_alikes(session: Session, advice: Advice, row: int) -> list[int]:
    """A row and the unlabelled images around it that are probably of the same class, surest first."""
    near = _around(session.state.graph.neighbors, row)
    near = near[(session.labels[near] < 0) & ~np.isin(near, list(session.set_aside)) & (near != row)]
    if advice.probabilities is None:
        vectors = session.state.embeddings
        likeness = vectors[near].astype(np.float32) @ vectors[row].astype(np.float32)
        return [row, *near[np.argsort(-likeness, kind="stable")][: UNKNOWN_TILES - 1].tolist()]
    shares = advice.probabilities[near]
    guess = advice.probabilities[row].argmax()
    alike = near[shares.argmax(axis=1) == guess]
    sure = shares[shares.argmax(axis=1) == guess, guess]
    return [row, *alike[np.argsort(-sure, kind="stable")][: TILES - 1].tolist()]


def _around(neighbors: Any, row: int) -> Ids:
    """The neighbours of a row and theirs."""
    near = np.asarray(neighbors[row], np.int64)
    return np.unique(np.concatenate([near, np.asarray(neighbors[near[:20]], np.int64).ravel()]))
