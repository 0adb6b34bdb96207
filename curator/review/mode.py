"""What a mode of the page is on the server; `static/mode.js` says what it is in the browser."""

from collections.abc import Sequence

from starlette.routing import Route

from curator.errors import CuratorError
from curator.review.clients import Client
from curator.review.endpoints import Endpoints, Values


class Mode:
    """One mode: a file here, one in `static`, and a line in each table, `modes.py` and `static/modes.js`.

    All methods are called by many threads at once.
    """

    def routes(self, ends: Endpoints) -> list[Route]:
        """The questions and statements that are this mode's alone; see app.py for those of all modes."""
        raise NotImplementedError

    def next(self, client: Client, first: Sequence[int] = ()) -> Values:
        """What the page shows after a client said or took back something; {} where the page asks anew itself.

        `first` are rows of which the client just took its word back: it may want to say another.
        """
        return {}

    def pass_over(self, client: Client, rows: Sequence[int]) -> None:
        """Ask this client about other images first; CuratorError in a mode that asks about none."""
        raise CuratorError("nothing is asked in this mode, so that nothing can be skipped")

    def release(self) -> None:
        """Let go of the images that this mode reserved."""
