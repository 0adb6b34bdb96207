"""An annotator's queue: the best images that nobody else on this workspace has, in any process."""

import threading
import time
from dataclasses import dataclass, field

import numpy as np

from curator.review.advice import Advice
from curator.review.hands import HOLD, PATIENCE
from curator.review.session import Session

AHEAD = 48  # images reserved at once: each time costs a write
_SHARES = 50  # nobody reserves more than this part of what is left: as many people find something to do
_SAMPLED = 2000  # rows looked at where the ranking does not suffice
_REST = 10.0  # with many annotators, filling takes at most a tenth of the time


@dataclass
class _Queue:
    rows: list[int] = field(default_factory=list)  # best first
    reserved: set[int] = field(default_factory=set)  # ids of images that are held for this page's sake
    round: int = -1  # of the ranking that it was made from
    since: float = -PATIENCE
    rest: float = 0.0  # seconds for which a new ranking alone is no reason to fill it again
    lock: threading.Lock = field(default_factory=threading.Lock)


class Queues:
    """Queues by annotator. What is in one is reserved in the database, as a list of `curator query` is."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._queues: dict[str, _Queue] = {}

    def rows(self, annotator: str, advice: Advice, wanted: int) -> list[int]:
        """An annotator's rows that are still to be labelled, best first: at least `wanted`, if there are.

        They are reserved anew where the ranking is another one, they run short, or time does.
        """
        queue = self._queues.setdefault(annotator, _Queue())
        with queue.lock:
            rows = [row for row in queue.rows if self._session.open(row)]
            age = time.monotonic() - queue.since
            anew = advice.round != queue.round and age > queue.rest
            if anew or len(rows) < wanted or age > PATIENCE / 2:
                rows = self._renew(annotator, queue, advice, wanted)
        return rows

    def claim(self, annotator: str, rows: list[int]) -> list[int]:
        """Reserve these rows too; returns those of them that nobody else has."""
        assignments = self._session.workspace.assignments
        queue = self._queues.setdefault(annotator, _Queue())
        row_of = dict(zip(self._session.ids(rows), rows, strict=True))
        with queue.lock:
            mine = set(assignments.held(annotator))
            fresh = [image_id for image_id in row_of if image_id not in mine]
            given = set(assignments.reserve(annotator, fresh, hold=HOLD)) if fresh else set()
            queue.reserved |= given
        return [row for image_id, row in row_of.items() if image_id in mine | given]

    def release(self) -> None:
        """Let go of everything that was reserved: nobody is at the page any more."""
        for annotator, queue in self._queues.items():
            self._session.workspace.assignments.release(annotator, sorted(queue.reserved))
        self._queues.clear()

    def _renew(self, annotator: str, queue: _Queue, advice: Advice, wanted: int) -> list[int]:
        begun = time.monotonic()
        ranked = [int(row) for row in advice.ranking if self._session.open(int(row))]
        self._fill(annotator, queue, ranked, wanted)
        if len(queue.rows) < wanted:
            self._fill(annotator, queue, [*ranked, *self._others(ranked)], wanted)
        queue.round, queue.since = advice.round, time.monotonic()
        queue.rest = _REST * len(self._queues) * (queue.since - begun)
        return queue.rows

    def _others(self, ranked: list[int]) -> list[int]:
        """Some open rows beyond the ranking: it is not made yet, or others have all of it.

        Any image is better than a pause.
        """
        rows = np.setdiff1d(np.flatnonzero(self._session.labels < 0), ranked)
        sample = np.random.default_rng(len(rows)).permutation(rows)[:_SAMPLED]
        return [int(row) for row in sample if self._session.open(int(row))]

    def _fill(self, annotator: str, queue: _Queue, ranked: list[int], wanted: int) -> None:
        """Reserve the best of `ranked`; what the annotator holds already, by a list, stays as it is."""
        assignments, others = self._session.workspace.assignments, list(self._queues.items())
        elsewhere = {image_id for name, each in others if name != annotator for image_id in each.reserved}
        row_of = dict(zip(self._session.ids(ranked), ranked, strict=True))
        listed = set(assignments.held(annotator)) - queue.reserved
        free = [image_id for image_id in row_of if image_id not in listed and image_id not in elsewhere]
        ahead = min(AHEAD, int((self._session.labels < 0).sum()) // _SHARES)
        count = max(0, max(ahead, wanted) - len(listed.intersection(row_of)))
        given = set(assignments.reserve(annotator, free, count, hold=HOLD, instead_of=queue.reserved))
        queue.reserved = given
        queue.rows = [row for image_id, row in row_of.items() if image_id in given | listed]
