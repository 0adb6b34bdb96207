"""Label mode: one image at a time, the best first, and between them what others have labelled."""

from collections.abc import Sequence

from starlette.routing import Route

from curator.review.cards import cards
from curator.review.clients import Client
from curator.review.endpoints import Endpoints, Values
from curator.review.labeling import Labeling
from curator.review.mode import Mode
from curator.review.overlaps import Overlaps
from curator.review.session import Session

AHEAD = 4  # cards handed out at once: the one to answer, and some to fetch pictures for


class Label(Mode):
    """Asks about the best images one by one."""

    def __init__(self, session: Session, labeling: Labeling, overlaps: Overlaps) -> None:
        self._session, self._labeling, self._overlaps = session, labeling, overlaps

    def routes(self, ends: Endpoints) -> list[Route]:
        """What comes next; with the `id` of an image that shows already, that one again before all."""
        return [ends.get("/api/label", lambda who, asked: self.next(who, self._shown(asked)))]

    def next(self, client: Client, first: Sequence[int] = ()) -> Values:
        """The next images for a client, those of `first` that it may be asked about before all others."""
        labeling, overlaps, advice = self._labeling, self._overlaps, self._labeling.advice()
        again = [row for row in first if not self._said(client, row)][:AHEAD]
        overlaps.ask(client, again)
        rows = again or [*overlaps.next(client), *labeling.choose(client, advice, AHEAD)]
        shown = cards(self._session, advice, rows[:AHEAD], overlaps.labels(client))
        return {"cards": shown, "progress": labeling.progress()}

    def pass_over(self, client: Client, rows: Sequence[int]) -> None:
        """Ask this client about other images first."""
        self._labeling.pass_over(client, rows)

    def _said(self, client: Client, row: int) -> bool:
        """Whether what an image is labelled is this client's own word."""
        label = self._session.label_of(row)
        return label is not None and label.annotator == client.annotator

    def _shown(self, asked: Values) -> list[int]:
        shown = str(asked.get("id", ""))
        return [self._session.row(int(shown))] if shown.isdecimal() else []
