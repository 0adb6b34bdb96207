"""Classes mode: every class with how many labels it has, and the images of one."""

from collections.abc import Sequence

import numpy as np
from starlette.routing import Route

from curator.errors import CuratorError
from curator.review.clients import Client
from curator.review.endpoints import Endpoints, Values
from curator.review.labeling import Labeling
from curator.review.mode import Mode
from curator.review.overlaps import Overlaps
from curator.review.session import Session

SAMPLES = 3
MOST_LISTED = 1200  # images of a class


class Classes(Mode):
    """Shows what is labelled so far; counts are of all labels, images are those that the client may see."""

    def __init__(self, session: Session, labeling: Labeling, overlaps: Overlaps) -> None:
        self._session, self._labeling, self._overlaps = session, labeling, overlaps

    def routes(self, ends: Endpoints) -> list[Route]:
        """All classes, and the images of one."""
        return [
            ends.get("/api/classes", lambda who, _asked: self.next(who)),
            ends.get("/api/class", lambda who, asked: self.images(who, asked.get("name"), asked.get("most"))),
        ]

    def next(self, client: Client, first: Sequence[int] = ()) -> Values:
        """Every class, that with most labels first: count, share of all labels, some images of it."""
        progress = self._labeling.progress()
        counts = np.array([each["count"] for each in progress["classes"]], np.int64)
        samples = self._samples(client, len(counts))
        shares = counts / max(counts.sum(), 1)
        return {
            "classes": [
                progress["classes"][code] | {"share": float(shares[code]), "samples": samples[code]}
                for code in np.argsort(-counts, kind="stable").tolist()
            ],
            "progress": progress,
        }

    def images(self, client: Client, name: object, most: object) -> Values:
        """The first images of a class, by path, and how many it has."""
        session = self._session
        if name not in session.names:
            raise CuratorError(f"there is no class {name!r:.60} in this workspace")
        if not isinstance(most, str) or not most.isdecimal() or not 0 < int(most) <= MOST_LISTED:
            raise CuratorError(f"wanted to list 1 to {MOST_LISTED:,} images, not {most!r:.60}")
        code = session.names.index(name)
        rows = np.flatnonzero(self._overlaps.labels(client) == code)[: int(most)]
        paths = (image.path for image in session.state.images(rows))
        return {
            "count": int((session.labels == code).sum()),
            "images": [
                {"id": image_id, "path": path}
                for image_id, path in zip(session.ids(rows.tolist()), paths, strict=True)
            ],
        }

    def _samples(self, client: Client, classes: int) -> list[list[int]]:
        """The ids of a few images of each class, evenly: neighbours in a folder are often alike."""
        labels = self._overlaps.labels(client).copy()
        known = np.flatnonzero(labels >= 0)
        known = known[np.argsort(labels[known], kind="stable")]
        ends = np.searchsorted(labels[known], np.arange(classes + 1))
        members = [known[ends[code] : ends[code + 1]] for code in range(classes)]
        places = [np.linspace(0, len(rows) - 1, min(SAMPLES, len(rows))).astype(int) for rows in members]
        return [self._session.ids(rows[at].tolist()) for rows, at in zip(members, places, strict=True)]
