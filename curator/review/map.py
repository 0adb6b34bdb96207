"""Map mode: all images as points, as arrays for the page to draw, and what lies inside a lasso."""

import threading
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import numpy.typing as npt
from starlette.routing import Route

from curator.errors import CuratorError
from curator.jobs.layout import Places, make_layout_in, stored_layout
from curator.pictures.palette import NOTHING, palettes
from curator.review.advice import Advisor
from curator.review.clients import Client
from curator.review.doubts import Doubts
from curator.review.endpoints import Endpoints, Values, key
from curator.review.mode import Mode
from curator.review.overlaps import Overlaps
from curator.review.session import LABEL_SOURCE, Ids, Session, checked_name

LISTED = 240  # images of a lasso that are shown
MOST_LABELLED = 20_000  # images that one lasso may label
_CORNERS = 2000  # of a lasso


class Map(Mode):
    """Where each image lies. The layout is made by a process of its own: clicks do not wait for it."""

    def __init__(self, session: Session, advisor: Advisor, doubts: Doubts, overlaps: Overlaps) -> None:
        self._session, self._advisor, self._doubts, self._overlaps = session, advisor, doubts, overlaps
        self._places: Places | None = None
        self._making: Future[None] | None = None
        self._lock = threading.Lock()

    def routes(self, ends: Endpoints) -> list[Route]:
        """The points, their colours, and what lies inside a lasso."""
        return [
            ends.get("/api/map", lambda _who, _asked: self.status()),
            ends.binary("/api/map/points", lambda _who, _asked: self.points()),
            ends.binary("/api/map/palettes", lambda _who, _asked: palettes()),
            ends.binary("/api/map/colours", lambda who, asked: self.colours(who, str(asked.get("by")))),
            ends.post("/api/map/inside", lambda _who, said: self.inside(said.get("corners"))),
            ends.post("/api/map/label", self._label),
        ]

    def status(self) -> dict[str, Any]:
        """Whether there is a map; the first question starts the making of one."""
        return {"ready": self._ready(), "classes": self._session.names, "images": self._session.n}

    def points(self) -> bytes:
        """Places float32 [n, 2], then the ids of the images int32 [n]."""
        if not self._ready() or self._places is None:
            raise CuratorError("the map is still being made")
        ids = self._session.state.image_ids.astype("<i4")
        return self._places.astype("<f4").tobytes() + ids.tobytes()

    def colours(self, client: Client, by: str) -> bytes:
        """A number below 255 for each image, uint8 [n], 255 for none: what it says depends on `by`."""
        seen = self._overlaps.labels(client)
        ways = {"given": _coded, "proposed": self._proposed, "doubt": self._doubt}
        if by not in ways:
            raise CuratorError(f"the map cannot be coloured by {by!r}: wanted {', '.join(ways)}")
        return ways[by](seen).astype(np.uint8).tobytes()

    def inside(self, corners: object) -> dict[str, Any]:
        """The images inside a lasso: how many, how many of them without a label, and the first ids."""
        rows = self._rows_inside(corners)
        ids, labels = self._session.state.image_ids, self._session.labels[rows]
        listed = np.concatenate([rows[labels < 0], rows[labels >= 0]])[:LISTED]
        return {"count": len(rows), "unlabelled": int((labels < 0).sum()), "ids": ids[listed].tolist()}

    def label(self, client: Client, action: str, corners: object, without: Ids, label: str) -> int:
        """Label what lies inside a lasso and has no label, but for some rows; returns how many."""
        rows = self._rows_inside(corners)
        rows = rows[(self._session.labels[rows] < 0) & ~np.isin(rows, without)]
        if not 0 < len(rows) <= MOST_LABELLED:
            raise CuratorError(f"{len(rows):,} images to label: wanted 1 to {MOST_LABELLED:,} at a time")
        self._session.say(client, action, rows.tolist(), label, LABEL_SOURCE)
        return len(rows)

    def _label(self, client: Client, said: Values) -> Values:
        without = np.array(self._session.rows(said["ids"]) if said.get("ids") else [], np.int64)
        label, corners = checked_name(said.get("label")), said.get("corners")
        count = self.label(client, key(said, "action"), corners, without, label)
        return {"labelled": count, **self.inside(corners)}

    def _ready(self) -> bool:
        with self._lock:
            if self._places is not None:
                return True
            if self._making is None:
                self._places = stored_layout(self._session.state)
                if self._places is None:
                    self._making = _in_own_process(self._session)
            elif self._making.done():
                self._making.result()  # raises what went wrong there
                self._places = stored_layout(self._session.state)
            return self._places is not None

    def _proposed(self, seen: Ids) -> Ids:
        shares = self._advisor.advice.probabilities
        if shares is None:
            return _coded(seen)
        # What is hidden has no proposal either: that would be its label.
        return _coded(np.where(self._session.labels >= 0, seen, shares.argmax(axis=1)))

    def _doubt(self, seen: Ids) -> npt.NDArray[np.float64]:
        wrong = np.where(seen >= 0, self._doubts.report().error_probability, np.nan)
        return np.where(np.isnan(wrong), NOTHING, np.round(np.nan_to_num(wrong) * (NOTHING - 1)))

    def _rows_inside(self, corners: object) -> Ids:
        if self._places is None:
            raise CuratorError("the map is still being made")
        return np.flatnonzero(inside(self._places, _polygon(corners)))


def inside(points: npt.NDArray[np.floating[Any]], polygon: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which points [n, 2] lie inside a closed polygon [m, 2], by the even-odd rule, bool [n]."""
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    near = np.flatnonzero(((points >= low) & (points <= high)).all(axis=1))
    x, y = points[near].T.astype(np.float64)
    odd = np.zeros(len(near), bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y0 != y1:
            odd ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    found = np.zeros(len(points), bool)
    found[near] = odd
    return found


def _coded(labels: Ids) -> Ids:
    return np.where(labels >= 0, labels % NOTHING, NOTHING)


def _polygon(corners: object) -> npt.NDArray[np.float64]:
    try:
        polygon = np.asarray(corners, np.float64)
    except (TypeError, ValueError) as error:
        raise CuratorError("a lasso is a list of points [x, y]") from error
    if polygon.ndim != 2 or polygon.shape[1] != 2 or not 3 <= len(polygon) <= _CORNERS:
        raise CuratorError(f"a lasso has 3 to {_CORNERS} points [x, y]")
    if not np.isfinite(polygon).all():
        raise CuratorError("a lasso's points are finite numbers")
    return polygon


def _in_own_process(session: Session) -> Future[None]:
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    made = pool.submit(make_layout_in, session.workspace.folder)
    pool.shutdown(wait=False)
    return made
