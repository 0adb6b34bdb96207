"""The page as people find it: over the images that `curator embed` stored last, without a restart."""

import logging
import threading
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from curator.errors import CuratorError
from curator.jobs._artifacts import generation
from curator.review.app import Review
from curator.store.workspace import Workspace
from curator_indexes.errors import DamagedFileError

_EVERY = 2.0  # seconds between two looks

logger = logging.getLogger(__name__)


class Sitting:
    """An application that begins anew, under the same address, where there are other embeddings.

    What was said is in the database, so nothing of it is lost with the old session; undo reaches there, too.
    """

    def __init__(
        self, workspace: Workspace, begin: Callable[[], Review], make_app: Callable[[Review], ASGIApp]
    ):
        self._workspace, self._begin, self._make_app = workspace, begin, make_app
        self._generation = generation(workspace)
        self._review = begin()
        self._app = make_app(self._review)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sitting", daemon=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, by what there is now."""
        await self._app(scope, receive, send)

    def start(self) -> None:
        """Begin to rank, to follow others' labels, and to look for new embeddings."""
        self._review.start()
        self._thread.start()

    def stop(self) -> None:
        """End all of it, and let go of the images that were reserved for the page."""
        self._stopped.set()
        self._thread.join()
        self._review.stop()

    def _run(self) -> None:
        while not self._stopped.wait(_EVERY):
            try:
                self._look()
            except (CuratorError, DamagedFileError, OSError) as error:  # `embed` is not done: look again
                logger.debug("the new embeddings could not be read yet: %s", error)

    def _look(self) -> None:
        found = generation(self._workspace)
        if found in (None, self._generation):
            return
        new = self._begin()
        self._review.stop()  # before anybody is given images by the new one: it lets go of what it reserved
        new.start()
        self._review, self._app, self._generation = new, self._make_app(new), found
