"""Who is at the page: each open tab a client of its own, labelling in somebody's name."""

import threading
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

_MOST = 1000  # clients that are remembered: those before them are strangers again

Kept = TypeVar("Kept")


class Client(NamedTuple):
    """One open tab of a browser, and the annotator whose labels it gives."""

    annotator: str
    tab: str


class PerClient(Generic[Kept]):
    """Something for each client, made when it is first asked for; that of the oldest is let go of."""

    def __init__(self, make: Callable[[], Kept]) -> None:
        self._make = make
        self._kept: dict[Client, Kept] = {}
        self._lock = threading.Lock()

    def all(self) -> list[tuple[Client, Kept]]:
        """What is kept for each client that asked."""
        with self._lock:
            return list(self._kept.items())

    def of(self, client: Client) -> Kept:
        """What is kept for a client."""
        with self._lock:
            if client not in self._kept:
                if len(self._kept) >= _MOST:
                    self._kept.pop(next(iter(self._kept)))
                self._kept[client] = self._make()
            return self._kept[client]
