"""Search: images like one of the workspace, or like a file that is not in it."""

import threading
from typing import Any

import numpy as np
import numpy.typing as npt
from starlette.routing import Route

from curator.encoders import Encoder
from curator.errors import CuratorError
from curator.images import UnreadableImageError
from curator.jobs._artifacts import load_index
from curator.jobs.embed import remembered_encoder
from curator.review.advice import Advisor
from curator.review.cards import neighbor, proposals
from curator.review.endpoints import Endpoints
from curator.review.mode import Mode
from curator.review.security import UPLOAD_PATH
from curator.review.session import Session
from curator_indexes import VectorIndex

FOUND = 60


class Search(Mode):
    """Looks things up in the index, which is opened when it is first needed; so is the encoder."""

    def __init__(self, session: Session, advisor: Advisor) -> None:
        self._session, self._advisor = session, advisor
        self._index: VectorIndex | None = None
        self._encoder: Encoder | None = None
        self._lock = threading.Lock()

    def routes(self, ends: Endpoints) -> list[Route]:
        """What is like an image, or like a file."""
        return [
            ends.post("/api/search", lambda _who, said: self.like(self._session.row(said.get("id")))),
            ends.upload(UPLOAD_PATH, lambda _who, data: self.like_file(data)),
        ]

    def like(self, row: int) -> dict[str, Any]:
        """The images most like one of the workspace, itself first."""
        return self._found(self._session.state.embeddings[row][None])

    def like_file(self, data: bytes) -> dict[str, Any]:
        """The images most like an image file; CuratorError where it cannot be read."""
        with self._lock:
            if self._encoder is None:
                self._encoder = remembered_encoder(self._session.workspace, device="auto")
            encoder = self._encoder
        try:
            pixels = encoder.spec.decode(data).pixels
        except UnreadableImageError as error:
            raise CuratorError(f"the file {error.message}") from error
        return self._found(encoder.encode(pixels[None]).astype(np.float16))

    def _found(self, vector: npt.NDArray[np.float16]) -> dict[str, Any]:
        session = self._session
        with self._lock:
            if self._index is None:
                self._index = load_index(session.workspace, session.state.embeddings)
            rows, similarities = self._index.search(vector, min(FOUND, session.n))
        advice = self._advisor.advice
        return {
            "found": [
                neighbor(session, row, similarity) | {"proposals": proposals(session, advice, row, most=1)}
                for row, similarity in zip(rows[0].tolist(), similarities[0].tolist(), strict=True)
                if row >= 0
            ],
            "classes": [{"name": name} for name in session.names],
        }
