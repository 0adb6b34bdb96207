"""Labels that others give while the page is open: looked for every second, by a thread of its own."""

import logging
import threading
import time

from curator.errors import CuratorError
from curator.review.session import Session

_EVERY = 1.0  # seconds between two looks; one costs well under a millisecond where nothing was said
_REST = 10.0  # times as long as a look took is waited before the next: many labels take their time

logger = logging.getLogger(__name__)


class Follower:
    """Keeps a session up with what other processes store."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def _run(self) -> None:
        took = 0.0
        while not self._stopped.wait(max(_EVERY, _REST * took)):
            begun = time.monotonic()
            try:
                self._session.catch_up()
            except CuratorError as error:  # the database is busy or away: the next look may find it
                logger.warning("what others labelled could not be read: %s", error)
            took = time.monotonic() - begun
