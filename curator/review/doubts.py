"""Doubt mode: the labels most likely to be wrong, and the verdicts of the person who looks."""

import threading
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np
from starlette.routing import Route

from curator.audits import AuditReport
from curator.audits import audit as doubt
from curator.audits.explanations import Explanation, explain
from curator.errors import CuratorError
from curator.jobs._verdicts import checked_labels, known_samples
from curator.review.cards import name_of, nearest, neighbor
from curator.review.clients import Client, PerClient
from curator.review.endpoints import Endpoints, Values, key
from curator.review.hands import HOLD, Hands
from curator.review.mode import Mode
from curator.review.overlaps import Overlaps
from curator.review.session import AMBIGUOUS_SOURCE, NO_CLASS_SOURCE, VERDICT_SOURCE, Ids, Session
from curator.store.labels import VERDICT

AHEAD = 4
_LOOKED_AT = 200  # suspects at once, and as many again while others have all of them
SIDE = 4  # neighbours of each class that are shown
SOURCES = {
    "keep": VERDICT_SOURCE,
    "fix": VERDICT_SOURCE,
    "ambiguous": AMBIGUOUS_SOURCE,
    "none": NO_CLASS_SOURCE,
}


class Doubts(Mode):
    """An audit of the labels, made when it is first asked for, and what people say of its suspects."""

    def __init__(self, session: Session, overlaps: Overlaps) -> None:
        self._session, self._overlaps = session, overlaps
        self._report: AuditReport | None = None
        self._order: Ids = np.empty(0, np.int64)
        self._before: dict[int, int] = {}  # row -> code of the label that the audit saw
        self._verdicts: dict[int, str] = {}
        self._passed: PerClient[dict[int, int]] = PerClient(dict)  # which rows, in what order
        self._hands = Hands()
        self._held: dict[Client, set[int]] = {}  # ids of the suspects reserved for each
        self._lock = threading.Lock()
        session.watch(self._note)

    def routes(self, ends: Endpoints) -> list[Route]:
        """The next suspects, and a verdict on one."""
        return [
            ends.get("/api/doubts", lambda who, _asked: self.next(who)),
            ends.post("/api/doubts", self._judge),
        ]

    def next(self, client: Client, first: Sequence[int] = ()) -> Values:
        """The worst suspects without a verdict, those of `first` before all, those passed over last."""
        report, passed, hidden = self.report(), self._passed.of(client), self._overlaps.hidden(client)
        first = [row for row in first if row in self._before and row not in hidden]
        order = chain(
            (row for row in self._order.tolist() if row not in passed),
            sorted((row for row in passed if row in self._before), key=passed.__getitem__),
        )
        out = hidden.union(first)
        waiting = (row for row in order if row not in self._verdicts and row not in out)
        free = (row for row in waiting if self._hands.free(row, client))
        rows = [*first, *self._reserved(client, free, max(AHEAD - len(first), 0))]
        self._hands.hold(client, rows)
        shown = self._cards(report, rows, self._overlaps.labels(client))
        return {"cards": shown, "progress": self.progress()}

    def release(self) -> None:
        """Let go of all suspects that are reserved."""
        for client, held in self._held.items():
            self._session.workspace.assignments.release(client.annotator, sorted(held))
        self._held.clear()

    def _judge(self, client: Client, said: Values) -> Values:
        [row] = self._session.rows(said.get("ids"))
        self.judge(client, key(said, "action"), row, str(said.get("verdict")), said.get("label"))
        return self.next(client)

    def _reserved(self, client: Client, rows: Iterator[int], most: int) -> list[int]:
        """The first of the rows that nobody else has, on any server, and which are the client's now."""
        row_of: dict[int, int] = {}  # by image id, as far as was looked: there may be very many suspects
        given: Collection[int] = self._held.get(client, set())
        while True:
            further = list(islice(rows, max(_LOOKED_AT, len(row_of))))
            row_of |= zip(self._session.ids(further), further, strict=True)
            given = self._session.workspace.assignments.reserve(
                client.annotator, list(row_of), most, hold=HOLD, instead_of=given
            )
            if len(given) >= most or not further:
                break
        self._held[client] = set(given)
        return [row_of[image_id] for image_id in given]

    def pass_over(self, client: Client, rows: Sequence[int]) -> None:
        """Show these to the client again after all others."""
        passed = self._passed.of(client)
        for row in rows:
            passed[row] = max(passed.values(), default=0) + 1

    def judge(self, client: Client, action: str, row: int, verdict: str, label: str | None) -> None:
        """Store a verdict on the label of an image; a fix comes with the right class."""
        given = name_of(self._session, row, self._session.labels)
        if verdict not in SOURCES:
            raise CuratorError(f"there is no verdict {verdict!r}: wanted {', '.join(SOURCES)}")
        if given is None and verdict != "fix":
            raise CuratorError("this image has no label any more: give it one, or go on")
        said = {"fix": label, "none": None}.get(verdict, given)
        if verdict == "fix" and said is None:
            raise CuratorError("a fix needs the right class")
        self._session.say(client, action, [row], said, SOURCES[verdict])

    def report(self) -> AuditReport:
        """The audit of the labels as they were when it was first asked for."""
        with self._lock:
            if self._report is None:
                self.refresh()
            return self._report  # type: ignore[return-value]

    def refresh(self) -> None:
        """Audit the labels as they are now."""
        session = self._session
        labels = session.labels.copy()
        if not (labels >= 0).any():
            raise CuratorError("there is no label to doubt yet: label some images first")
        state = session.state
        report = doubt(
            state.graph,
            labels,
            embeddings=state.embeddings,
            n_classes=len(session.names),
            checked=checked_labels(state) & (labels >= 0),
            samples=known_samples(state),
        )
        rows = np.flatnonzero((report.issues | report.contradictions) & ~report.checked)
        self._order = rows[np.argsort(-report.error_probability[rows], kind="stable")]
        self._before = dict(zip(rows.tolist(), labels[rows].tolist(), strict=True))
        self._verdicts = {}
        self._report = report

    def progress(self) -> dict[str, Any]:
        """How many were judged, how many of them wrongly labelled, and how many errors probably remain."""
        report = self.report()
        said = list(self._verdicts.values())
        wrong, right = said.count("fix") + said.count("none"), said.count("keep")
        estimate, low, high = map(float, report.error_count)
        return {
            "labels": int((self._session.labels >= 0).sum()),
            "suspects": len(self._order),
            "judged": len(said),
            "wrong": wrong,
            "right": right,
            "ambiguous": said.count("ambiguous"),
            "precision": wrong / (wrong + right) if wrong + right else None,
            "remaining": _remaining(estimate, wrong),
            "remaining_low": _remaining(low, wrong),
            "remaining_high": _remaining(high, wrong),
            "classes": [{"name": name} for name in self._session.names],
        }

    def _note(self, rows: Ids) -> None:
        """Read verdicts off the labels, so that undo needs no word of its own."""
        for row in rows.tolist():
            current = self._session.label_of(row)
            if row in self._before:
                verdict = self._read(
                    row, current.label if current else None, current.source if current else ""
                )
                if verdict is None:
                    self._verdicts.pop(row, None)
                else:
                    self._verdicts[row] = verdict

    def _read(self, row: int, label: str | None, source: str) -> str | None:
        if label is None:
            return "none" if row in self._session.set_aside else None
        if source == SOURCES["ambiguous"]:
            return "ambiguous"
        if label != self._session.names[self._before[row]]:
            return "fix"
        return "keep" if source.startswith(VERDICT) else None

    def _cards(self, report: AuditReport, rows: Sequence[int], labels: Ids) -> list[dict[str, Any]]:
        session = self._session
        found = explain(session.state.graph, session.labels, list(rows), groups=report.groups)
        images = session.state.images(np.array(rows, np.int64))
        return [
            {
                "id": int(session.state.image_ids[each.row]),
                "path": image.path,
                "label": name_of(session, each.row, labels),
                "suggested": self._suggested(report, each.row),
                "error_probability": round(float(report.error_probability[each.row]), 4),
                "sides": self._sides(report, each, labels),
            }
            for each, image in zip(found, images, strict=True)
        ]

    def _suggested(self, report: AuditReport, row: int) -> str:
        return self._session.names[int(report.suggested_labels[row])]

    def _sides(self, report: AuditReport, each: Explanation, labels: Ids) -> list[dict[str, Any]]:
        """Nearest images of the given class and of the suggested one, side by side."""
        given = int(self._before.get(each.row, self._session.labels[each.row]))
        codes = [given, int(report.suggested_labels[each.row])]
        likeliest = report.likeliest(each.row)
        return [
            {
                "label": self._session.names[code],
                "votes": int(each.votes[code]) if code < len(each.votes) else 0,
                "signals": likeliest.get(code, []),
                "neighbors": [
                    neighbor(self._session, other, similarity, labels)
                    for other, similarity in self._nearest_of(report, each.row, code, labels)
                ],
            }
            for code in dict.fromkeys(codes)
            if code >= 0
        ]

    def _nearest_of(self, report: AuditReport, row: int, code: int, labels: Ids) -> list[tuple[int, float]]:
        graph = self._session.state.graph
        near = graph.neighbors[row]
        of_class = (labels[near] == code) & (report.groups[near] != report.groups[row])
        if of_class.sum() < SIDE:
            others = np.flatnonzero((labels == code) & (report.groups != report.groups[row]))
            return list(zip(*nearest(self._session, row, others, SIDE), strict=True))
        rows, similarities = near[of_class][:SIDE], graph.similarities[row][of_class][:SIDE]
        return list(zip(rows.tolist(), similarities.tolist(), strict=True))


def _remaining(estimate: float, wrong: int) -> int:
    return max(round(estimate) - wrong, 0)
