"""Grid mode: images that are probably of one class, to be accepted at once, chosen so that they teach."""

from collections.abc import Callable, Sequence

import numpy as np
from starlette.routing import Route

from curator.review.advice import Advice
from curator.review.cards import cards
from curator.review.clients import Client
from curator.review.endpoints import Endpoints, Values
from curator.review.labeling import Labeling
from curator.review.mode import Mode
from curator.review.overlaps import Overlaps
from curator.review.session import Ids, Session

TILES = 24
SURE = 0.6  # probability from which on an image is quicker judged among others than alone
_LABELS_PER_CLASS = 2  # until then, what is proposed is worth little


class Grid(Mode):
    """Asks about several images at once, and about those left out of them one by one."""

    def __init__(self, session: Session, labeling: Labeling, overlaps: Overlaps) -> None:
        self._session, self._labeling, self._overlaps = session, labeling, overlaps

    def routes(self, ends: Endpoints) -> list[Route]:
        """What comes next."""
        return [ends.get("/api/grid", lambda who, _asked: self.next(who))]

    def next(self, client: Client, first: Sequence[int] = ()) -> Values:
        """Images that are probably of one class; or one alone, such as the client left out of the last.

        `rejected` is the class that one left out is not of.
        """
        labeling, advice = self._labeling, self._labeling.advice()
        left_out = labeling.left_out(client)
        rows = list(left_out)[:1] or self._alike(client, advice)
        images = self._session.state.images(np.array(rows, np.int64))
        tiles = zip(self._session.ids(rows), (image.path for image in images), strict=True)
        return {
            "tiles": [{"id": image_id, "path": path} for image_id, path in tiles],
            "rejected": left_out[rows[0]] if left_out else None,
            "cards": cards(self._session, advice, rows[:1], self._overlaps.labels(client)),
            "progress": labeling.progress(),
        }

    def pass_over(self, client: Client, rows: Sequence[int]) -> None:
        """Ask this client about other images first."""
        self._labeling.pass_over(client, rows)

    def _alike(self, client: Client, advice: Advice) -> list[int]:
        """Some of the best images that are probably of one class, all of them this client's to label."""
        labeling = self._labeling
        best = labeling.choose(client, advice, TILES)
        rows = alike(self._session, advice, best, lambda row: labeling.free(client, row))
        return labeling.claim(client, rows)


def alike(session: Session, advice: Advice, best: Sequence[int], free: Callable[[int], bool]) -> list[int]:
    """The first of some rows whose proposed class is probable, and those of the ranking that share it.

    These are the images whose labels teach most, from all over the data: look-alikes of one image, or what
    the soft labels are sure of, are quickly accepted too, but hardly change what is known of the others. An
    image that is probably of another class than proposed costs a click here and a look of its own after that:
    where there are only such, the first comes alone, as does every image while few labels are known.

    Args:
        session: the labels.
        advice: probabilities and ranking.
        best: rows, best first.
        free: whether a row may be shown.

    """
    shares = advice.probabilities
    if shares is None or not _known_enough(session):
        return list(best[:1])
    probable = [row for row in best if shares[row].max() >= SURE]
    if not probable:
        return list(best[:1])
    guess, ranked = int(shares[probable[0]].argmax()), advice.ranking
    near: Ids = ranked[(shares[ranked].argmax(axis=1) == guess) & (shares[ranked, guess] >= SURE)]
    others = [int(row) for row in near if row != probable[0] and session.open(int(row)) and free(int(row))]
    return [probable[0], *others[: TILES - 1]]


def _known_enough(session: Session) -> bool:
    counts = session.counts()
    classes = len(np.flatnonzero(counts))
    return classes > 1 and int(counts.sum()) >= _LABELS_PER_CLASS * classes
