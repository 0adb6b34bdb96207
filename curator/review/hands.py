"""Which image is in whose hands: nobody is shown what another looks at."""

import threading
import time
from collections.abc import Sequence
from datetime import timedelta

from curator.review.clients import Client

PATIENCE = 600.0  # seconds for which an image that one client was given is not given to another
HOLD = timedelta(seconds=PATIENCE)


class Hands:
    """The rows that clients were given last, each in one pair of hands."""

    def __init__(self) -> None:
        self._given: dict[int, tuple[Client, float]] = {}  # row -> who has it, and since when
        self._lock = threading.Lock()

    def hold(self, client: Client, rows: Sequence[int]) -> None:
        """Let a client have these rows, and only these, to itself for a while."""
        with self._lock:
            others = {row: given for row, given in self._given.items() if given[0] != client}
            self._given = others | dict.fromkeys(rows, (client, time.monotonic()))

    def take(self, client: Client, rows: Sequence[int], most: int) -> list[int]:
        """Let a client have the first of these rows that nobody else has, and only these; returns them."""
        with self._lock:
            free = [row for row in rows if self.free(row, client)][:most]
            others = {row: given for row, given in self._given.items() if given[0] != client}
            self._given = others | dict.fromkeys(free, (client, time.monotonic()))
        return free

    def free(self, row: int, client: Client) -> bool:
        """Whether a row is in nobody else's hands."""
        owner, since = self._given.get(row, (client, 0.0))
        return owner == client or time.monotonic() - since > PATIENCE

    def of_other_tabs(self, client: Client) -> int:
        """How many rows the same annotator has in other tabs."""
        owners = [owner for owner, _ in list(self._given.values())]
        return sum(owner.annotator == client.annotator and owner != client for owner in owners)
