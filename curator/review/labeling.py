"""Label mode: who is asked about which image next, and what they answer."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from curator.errors import CuratorError
from curator.review.advice import Advice, Advisor
from curator.review.cards import cards
from curator.review.clients import Client, PerClient
from curator.review.grids import TILES, alike
from curator.review.hands import Hands
from curator.review.overlaps import Overlap
from curator.review.queues import Queues
from curator.review.session import LABEL_SOURCE, UNSURE_SOURCE, Session

AHEAD = 4  # cards handed out at once: the one to answer, and some to fetch pictures for
_FIRST_WAIT = 0.3  # seconds that the first screen waits for a ranking


class Labeling:
    """Hands images out, best first, each to one client at a time.

    With an overlap above 0, that share of them is images that others have labelled: what was said of them
    is not shown.
    """

    def __init__(self, session: Session, advisor: Advisor, overlap: float = 0.0) -> None:
        self._session, self._advisor = session, advisor
        self._hands = Hands()
        self._queues = Queues(session)
        self._skipped: PerClient[OrderedDict[int, None]] = PerClient(OrderedDict)
        self._left_out: PerClient[dict[int, str]] = PerClient(dict)  # row -> the class that it is not
        self._overlaps = PerClient(lambda: Overlap(session, overlap))

    def next(self, client: Client, first: Sequence[int] = ()) -> dict[str, Any]:
        """The next images for a client, those of `first` that it may be asked about before all others."""
        advice = self._advisor.wait(1, _FIRST_WAIT)
        again = [row for row in first if not self._said(client, row)][:AHEAD]
        rows = again or [*self._overlaps.of(client).next(client.annotator), *self._choose(client, advice)]
        return {"cards": cards(self._session, advice, rows[:AHEAD]), "progress": self.progress()}

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
        if not 0 < len(rows) <= TILES * 10 or len(set(rows)) < len(rows):
            raise CuratorError(f"wanted 1 to {TILES * 10} different images, not {len(rows)}")
        source = UNSURE_SOURCE if label is None else LABEL_SOURCE
        self._session.say(client, action, rows, label, source)
        self._overlaps.of(client).answered(list(rows))
        kept = self._left_out.of(client)
        for row in [row for row in kept if not self._session.open(row)]:
            del kept[row]
        kept.update(dict.fromkeys(left_out, label or ""))

    def pass_over(self, client: Client, rows: Sequence[int]) -> None:
        """Ask this client about other images first."""
        self._overlaps.of(client).passed_over(list(rows))
        skipped = self._skipped.of(client)
        for row in rows:
            self._left_out.of(client).pop(row, None)
            skipped[row] = None
            skipped.move_to_end(row)

    def release(self) -> None:
        """Let go of all images that are reserved."""
        self._queues.release()

    def group(self, client: Client) -> dict[str, Any]:
        """Images that are probably of one class; or one alone, such as the client left out of the last.

        `rejected` is the class that one left out is not of.
        """
        advice = self._advisor.wait(1, _FIRST_WAIT)
        left_out = self._left_out.of(client)
        again = [row for row in left_out if self._session.open(row)][:1]
        rows = again or self._alike(client, advice)
        images = self._session.state.images(np.array(rows, np.int64))
        tiles = zip(self._session.ids(rows), (image.path for image in images), strict=True)
        return {
            "tiles": [{"id": image_id, "path": path} for image_id, path in tiles],
            "rejected": left_out[again[0]] if again else None,
            "cards": cards(self._session, advice, rows[:1]),
            "progress": self.progress(),
        }

    def progress(self) -> dict[str, Any]:
        """Labels given, what they are worth, and what more would be."""
        session, advice = self._session, self._advisor.advice
        gain = advice.gain
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
        }

    def _choose(self, client: Client, advice: Advice, most: int = AHEAD) -> list[int]:
        """The best images that are free, and again those skipped longest ago once there are no others."""
        skipped = list(self._skipped.of(client))
        wanted = most + len(skipped) + self._hands.of_other_tabs(client)
        queue = self._queues.rows(client.annotator, advice, wanted)
        again = [row for row in skipped if self._session.open(row)]
        return self._hands.take(client, [*(row for row in queue if row not in skipped), *again], most)

    def _alike(self, client: Client, advice: Advice) -> list[int]:
        """Some of the best images that are probably of one class, all of them this client's to label."""
        best, skipped = self._choose(client, advice, TILES), self._skipped.of(client)
        rows = alike(
            self._session, advice, best, lambda row: row not in skipped and self._hands.free(row, client)
        )
        return self._hands.take(client, self._queues.claim(client.annotator, rows), len(rows))

    def _said(self, client: Client, row: int) -> bool:
        """Whether what an image is labelled is this client's own word."""
        label = self._session.label_of(row)
        return label is not None and label.annotator == client.annotator
