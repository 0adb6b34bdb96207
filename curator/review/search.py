"""Search: images like one of the workspace, or like a file that is not in it."""

import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from starlette.routing import Route

from curator.encoders import Encoder
from curator.errors import CuratorError
from curator.images import UnreadableImageError
from curator.jobs._artifacts import load_index
from curator.jobs.chosen_encoder import remembered_encoder
from curator.review.advice import Advisor
from curator.review.cards import name_of, proposals
from curator.review.clients import Client
from curator.review.endpoints import Endpoints, Values
from curator.review.mode import Mode
from curator.review.overlaps import Overlaps
from curator.review.security import UPLOAD_PATH
from curator.review.session import Session
from curator_indexes import VectorIndex

FOUND = 60


class Search(Mode):
    """Looks things up in the index, which is opened when it is first needed; so is the encoder."""

    def __init__(self, session: Session, advisor: Advisor, overlaps: Overlaps) -> None:
        self._session, self._advisor, self._overlaps = session, advisor, overlaps
        self._index: VectorIndex | None = None
        self._encoder: Encoder | None = None
        self._lock = threading.Lock()

    def routes(self, ends: Endpoints) -> list[Route]:
        """What is like an image, what is like a file, and what of it is labelled since."""
        row, rows = self._session.row, self._session.rows
        return [
            ends.post("/api/search", lambda who, said: self.like(who, row(said.get("id")))),
            ends.post("/api/search/labels", lambda who, said: self.labels(who, rows(said.get("ids")))),
            ends.upload(UPLOAD_PATH, self.like_file),
        ]

    def like(self, client: Client, row: int) -> Values:
        """The images most like one of the workspace, itself first."""
        return self._found(client, self._session.state.embeddings[row][None])

    def like_file(self, client: Client, data: bytes) -> Values:
        """The images most like an image file; CuratorError where it cannot be read."""
        with self._lock:
            if self._encoder is None:
                self._encoder = remembered_encoder(self._session.workspace, device="auto")
            encoder = self._encoder
        try:
            pixels = encoder.spec.decode(data).pixels
        except UnreadableImageError as error:
            raise CuratorError(f"the file {error.message}") from error
        return self._found(client, encoder.encode(pixels[None]).astype(np.float16))

    def labels(self, client: Client, rows: Sequence[int]) -> Values:
        """What images are labelled now, or probably are, as far as the client may see it; and the classes."""
        session, advice, seen = self._session, self._advisor.advice, self._overlaps.labels(client)
        return {
            "images": [
                {
                    "id": image_id,
                    "label": name_of(session, row, seen),
                    "proposals": proposals(session, advice, row, most=1),
                }
                for image_id, row in zip(session.ids(rows), rows, strict=True)
            ],
            "classes": [{"name": name} for name in session.names],
        }

    def _found(self, client: Client, vector: npt.NDArray[np.float16]) -> Values:
        """As `labels`, of the images most like a vector [1, d], with `similarity`."""
        with self._lock:
            if self._index is None:
                self._index = load_index(self._session.workspace, self._session.state.embeddings)
            [rows], [similarities] = self._index.search(vector, min(FOUND, self._session.n))
        told = self.labels(client, rows[rows >= 0].tolist())
        for image, similarity in zip(told["images"], similarities[rows >= 0].tolist(), strict=True):
            image["similarity"] = round(similarity, 3)
        return told
