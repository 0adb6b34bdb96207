"""Who is asked about which image next, and what they answer: shared by the modes that ask."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from curator.errors import CuratorError
from curator.review.advice import Advice, Advisor
from curator.review.clients import Client, PerClient
from curator.review.hands import Hands
from curator.review.overlaps import Overlaps
from curator.review.queues import Queues
from curator.review.session import LABEL_SOURCE, UNSURE_SOURCE, Session

_FIRST_WAIT = 0.3  # seconds that the first screen waits for a ranking
_MOST = 240  # images that one answer may be about


class Labeling:
    """Hands images out, best first, each to one client at a time; between them, those of `overlaps`."""

    def __init__(self, session: Session, advisor: Advisor, overlaps: Overlaps) -> None:
        self._session, self._advisor, self._overlaps = session, advisor, overlaps
        self._hands = Hands()
        self._queues = Queues(session)
        self._skipped: PerClient[OrderedDict[int, None]] = PerClient(OrderedDict)
        self._left_out: PerClient[dict[int, str]] = PerClient(dict)  # row -> the class that it is not

    def advice(self) -> Advice:
        """What is known of all images; the first one is waited for, but not long."""
        return self._advisor.wait(1, _FIRST_WAIT)

    def choose(self, client: Client, advice: Advice, most: int) -> list[int]:
        """The best images that are free, and again those skipped longest ago once there are no others."""
        skipped = list(self._skipped.of(client))
        wanted = most + len(skipped) + self._hands.of_other_tabs(client)
        queue = self._queues.rows(client.annotator, advice, wanted)
        again = [row for row in skipped if self._session.open(row)]
        return self._hands.take(client, [*(row for row in queue if row not in skipped), *again], most)

    def left_out(self, client: Client) -> dict[int, str]:
        """The open rows that a client left out of groups, each with the class that it is not."""
        return {row: label for row, label in self._left_out.of(client).items() if self._session.open(row)}

    def free(self, client: Client, row: int) -> bool:
        """Whether a client may be shown an image: it did not skip it, and nobody else looks at it."""
        return row not in self._skipped.of(client) and self._hands.free(row, client)

    def claim(self, client: Client, rows: Sequence[int]) -> list[int]:
        """Let a client have those of these images, and only those, that nobody else has on any server."""
        return self._hands.take(client, self._queues.claim(client.annotator, list(rows)), len(rows))

    def answer(
        self,
        client: Client,
        action: str,
        rows: Sequence[int],
        label: str | None,
        left_out: Sequence[int] = (),
    ) -> None:
        """Store a label for these images; None for images that the person cannot tell.

        Images left out of a group are asked for next, one by one: they are what was proposed wrongly.
        """
        if not 0 < len(rows) <= _MOST or len(set(rows)) < len(rows):
            raise CuratorError(f"wanted 1 to {_MOST} different images, not {len(rows)}")
        source = UNSURE_SOURCE if label is None else LABEL_SOURCE
        self._session.say(client, action, rows, label, source)
        self._overlaps.answered(client, rows)
        kept = self._left_out.of(client)
        for row in [row for row in kept if not self._session.open(row)]:
            del kept[row]
        kept.update(dict.fromkeys(left_out, label or ""))

    def pass_over(self, client: Client, rows: Sequence[int]) -> None:
        """Ask this client about other images first."""
        self._overlaps.passed_over(client, rows)
        skipped = self._skipped.of(client)
        for row in rows:
            self._left_out.of(client).pop(row, None)
            skipped[row] = None
            skipped.move_to_end(row)

    def release(self) -> None:
        """Let go of all images that are reserved."""
        self._queues.release()

    def progress(self) -> dict[str, Any]:
        """Labels given, what they are worth, and what more would be."""
        session, advice = self._session, self._advisor.advice
        gain, counts = advice.gain, session.counts()
        return {
            "images": session.n,
            "labelled": int(counts.sum()),
            "classes": [
                {"name": name, "count": count}
                for name, count in zip(session.names, counts.tolist(), strict=False)
            ],
            "accuracy": advice.accuracy,
            "unknown": "" if advice.accuracy is not None else self._advisor.unknown(counts),
            "gain": None
            if gain is None
            else {"more": gain.more, "estimate": gain.estimate, "low": gain.low, "high": gain.high},
            "strategy": advice.strategy,
            "round": advice.round,
        }
