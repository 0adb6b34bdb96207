"""The application: what one sitting consists of, and what is asked and said in every mode alike."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from curator.errors import CuratorError
from curator.review.advice import Advisor
from curator.review.clients import Client
from curator.review.endpoints import Endpoints, Values, key
from curator.review.following import Follower
from curator.review.labeling import Labeling
from curator.review.mode import Mode
from curator.review.modes import make_modes
from curator.review.nametags import Nametags
from curator.review.overlaps import Overlaps
from curator.review.security import Guard
from curator.review.session import Session, checked_name
from curator.review.thumbnails import Thumbnails
from curator.store.workspace import Workspace

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Review:
    """All that one sitting consists of; `annotator` is who labels unless a browser says otherwise."""

    annotator: str
    session: Session
    advisor: Advisor
    follower: Follower
    labeling: Labeling
    modes: dict[str, Mode]
    thumbnails: Thumbnails

    @classmethod
    def of(cls, workspace: Workspace, annotator: str, overlap: float = 0.0) -> "Review":
        """A sitting over a workspace, not started yet; see `Overlaps` on `overlap`."""
        session = Session(workspace)
        advisor, overlaps = Advisor(session), Overlaps(session, overlap)
        labeling = Labeling(session, advisor, overlaps)
        return cls(
            annotator=annotator,
            session=session,
            advisor=advisor,
            follower=Follower(session),
            labeling=labeling,
            modes=make_modes(session, advisor, labeling, overlaps),
            thumbnails=Thumbnails(session),
        )

    def start(self) -> None:
        """Begin to rank, and to look for labels that others give."""
        self.advisor.start()
        self.follower.start()

    def stop(self) -> None:
        """End both, and let go of the images that were reserved for the page."""
        self.follower.stop()
        self.advisor.stop()
        self.labeling.release()
        for mode in self.modes.values():
            mode.release()

    def mode(self, said: Values) -> Mode:
        """The mode that a statement comes from and is answered by; CuratorError where it names none."""
        view = said.get("view")
        if not isinstance(view, str) or view not in self.modes:
            raise CuratorError(f"there is no view {view!r:.60}: wanted {', '.join(self.modes)}")
        return self.modes[view]


def make_app(review: Review, *, token: str, port: int) -> ASGIApp:
    """The whole application behind its guard."""
    ends = Endpoints(Nametags(token, port), review.annotator)
    routes = [
        Route("/", _index),
        Mount("/static", StaticFiles(directory=STATIC)),
        review.thumbnails.route(),
        ends.get("/api/session", lambda who, _asked: _session(review, who)),
        ends.get("/api/progress", lambda _who, _asked: review.labeling.progress()),
        ends.naming("/api/annotator"),
        ends.post("/api/label", lambda who, said: _label(review, who, said)),
        ends.post("/api/skip", lambda who, said: _skip(review, who, said)),
        ends.post("/api/undo", lambda who, said: _undo(review, who, said)),
        ends.post("/api/redo", lambda who, said: _redo(review, who, said)),
        *(route for mode in review.modes.values() for route in mode.routes(ends)),
    ]
    handlers: dict[Any, Any] = {CuratorError: _refused, ValueError: _refused}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), token=token, port=port)


async def _index(_request: Request) -> Response:
    return FileResponse(STATIC / "index.html")


async def _refused(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


def _session(review: Review, who: Client) -> Values:
    session = review.session
    return {
        "annotator": who.annotator,
        "images": session.n,
        "labelled": int((session.labels >= 0).sum()),
        "folder": session.workspace.images.name,
        "version": session.state.checksums["embeddings"][:12],
    }


def _label(review: Review, who: Client, said: Values) -> Values:
    mode, rows = review.mode(said), review.session.rows(said.get("ids"))
    label = None if said.get("label") is None else checked_name(said["label"])
    left_out = review.session.rows(said["left_out"]) if said.get("left_out") else []
    review.labeling.answer(who, key(said, "action"), rows, label, left_out)
    return mode.next(who)


def _skip(review: Review, who: Client, said: Values) -> Values:
    mode = review.mode(said)
    mode.pass_over(who, review.session.rows(said.get("ids")))
    return mode.next(who)


def _undo(review: Review, who: Client, said: Values) -> Values:
    mode = review.mode(said)
    rows = review.session.undo(who)
    return mode.next(who, rows) | {"changed": len(rows)}


def _redo(review: Review, who: Client, said: Values) -> Values:
    mode = review.mode(said)
    rows = review.session.redo(who)
    return mode.next(who) | {"changed": len(rows)}
