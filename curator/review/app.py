"""The routes of the page: each reads plain values, calls one method, and answers in JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from curator.errors import CuratorError
from curator.images import UnreadableImageError
from curator.pictures.palette import palettes
from curator.review.advice import Advisor
from curator.review.clients import Client
from curator.review.doubts import Doubts
from curator.review.endpoints import Endpoints, Handler, Values, binary, key, upload
from curator.review.following import Follower
from curator.review.labeling import Labeling
from curator.review.map import Map
from curator.review.nametags import Nametags
from curator.review.search import Search
from curator.review.security import UPLOAD_PATH, Guard
from curator.review.session import Session, checked_name
from curator.review.thumbnails import SIDES, Thumbnails
from curator.store.workspace import Workspace

STATIC = Path(__file__).parent / "static"
_FOREVER = "private, max-age=31536000, immutable"  # a picture's address changes with its content


@dataclass(frozen=True)
class Review:
    """All that one sitting consists of; `annotator` is who labels unless a browser says otherwise."""

    annotator: str
    session: Session
    advisor: Advisor
    follower: Follower
    labeling: Labeling
    doubts: Doubts
    map: Map
    search: Search
    thumbnails: Thumbnails

    @classmethod
    def of(cls, workspace: Workspace, annotator: str, overlap: float = 0.0) -> "Review":
        """A sitting over a workspace, not started yet; see `Labeling` on `overlap`."""
        session = Session(workspace)
        advisor = Advisor(session)
        doubts = Doubts(session)
        return cls(
            annotator,
            session,
            advisor,
            Follower(session),
            Labeling(session, advisor, overlap),
            doubts,
            Map(session, advisor, doubts),
            Search(session, advisor),
            Thumbnails(workspace),
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
        self.doubts.release()


def make_app(review: Review, *, token: str, port: int) -> ASGIApp:
    """The whole application behind its guard."""
    ends = Endpoints(Nametags(token, port), review.annotator)
    routes = [
        Route("/", _index),
        Mount("/static", StaticFiles(directory=STATIC)),
        Route("/image/{image_id:int}/{size}", _picture(review)),
        ends.get("/api/session", lambda who, _asked: _session(review, who)),
        ends.naming("/api/annotator"),
        *_label_routes(review, ends),
        *_map_routes(review, ends),
        ends.post("/api/search", lambda _who, said: review.search.like(review.session.row(said.get("id")))),
        upload(UPLOAD_PATH, review.search.like_file),
    ]
    handlers: dict[Any, Any] = {CuratorError: _refused, ValueError: _refused}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), token=token, port=port)


def _label_routes(review: Review, ends: Endpoints) -> list[Route]:
    labeling, doubts = review.labeling, review.doubts
    return [
        ends.get("/api/label", lambda who, asked: labeling.next(who, _shown(review, asked))),
        ends.get("/api/group", lambda who, _asked: labeling.group(who)),
        ends.get("/api/progress", lambda _who, _asked: labeling.progress()),
        ends.post("/api/label", lambda who, said: _label(review, who, said)),
        ends.post("/api/skip", lambda who, said: _skip(review, who, said)),
        ends.post("/api/undo", lambda who, said: _undo(review, who, said)),
        ends.post("/api/redo", lambda who, said: _redo(review, who, said)),
        ends.get("/api/doubts", lambda who, _asked: doubts.next(who)),
        ends.post("/api/doubts", lambda who, said: _judge(review, who, said)),
    ]


def _map_routes(review: Review, ends: Endpoints) -> list[Route]:
    places = review.map
    return [
        ends.get("/api/map", lambda _who, _asked: places.status()),
        binary("/api/map/points", lambda _asked: places.points()),
        binary("/api/map/palettes", lambda _asked: palettes()),
        binary("/api/map/colours", lambda asked: places.colours(str(asked.get("by")))),
        ends.post("/api/map/inside", lambda _who, said: places.inside(said.get("corners"))),
        ends.post("/api/map/label", lambda who, said: _label_inside(review, who, said)),
    ]


async def _index(_request: Request) -> Response:
    return FileResponse(STATIC / "index.html")


async def _refused(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


def _picture(review: Review) -> Handler:
    async def endpoint(request: Request) -> Response:
        try:
            row = review.session.row(request.path_params["image_id"])
            size = request.path_params["size"]
            if size not in SIDES:
                raise CuratorError("there is no such size")
            data = await run_in_threadpool(lambda: review.thumbnails.jpeg(review.session.image(row), size))
        except (CuratorError, UnreadableImageError) as error:
            return JSONResponse({"error": str(error)}, 404)
        return Response(data, media_type="image/jpeg", headers={"cache-control": _FOREVER})

    return endpoint


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
    rows = _rows(review, said)
    label = None if said.get("label") is None else checked_name(said["label"])
    left_out = _rows(review, {"ids": said["left_out"]}) if said.get("left_out") else []
    review.labeling.answer(who, key(said, "action"), rows, label, left_out)
    return _then(review, who, said)


def _skip(review: Review, who: Client, said: Values) -> Values:
    mode = review.doubts if said.get("view") == "doubts" else review.labeling
    mode.pass_over(who, _rows(review, said))
    return _then(review, who, said)


def _label_inside(review: Review, who: Client, said: Values) -> Values:
    without = np.array(_rows(review, said) if said.get("ids") else [], np.int64)
    label, corners = checked_name(said.get("label")), said.get("corners")
    count = review.map.label(who, key(said, "action"), corners, without, label)
    return {"labelled": count, **review.map.inside(corners)}


def _judge(review: Review, who: Client, said: Values) -> Values:
    [row] = _rows(review, said)
    review.doubts.judge(who, key(said, "action"), row, str(said.get("verdict")), said.get("label"))
    return _then(review, who, said)


def _undo(review: Review, who: Client, said: Values) -> Values:
    rows = review.session.undo(who)
    return _then(review, who, said, rows) | {"changed": len(rows)}


def _redo(review: Review, who: Client, said: Values) -> Values:
    rows = review.session.redo(who)
    return _then(review, who, said) | {"changed": len(rows)}


def _then(review: Review, who: Client, said: Values, first: Sequence[int] = ()) -> Values:
    """What the view that asked shows next; before all, what was just taken back."""
    view = said.get("view", "label")
    if view == "doubts":
        return review.doubts.next(who, first=first)
    if view in ("map", "search"):
        return {"classes": [{"name": name} for name in review.session.names]}
    return review.labeling.group(who) if view == "group" else review.labeling.next(who, first=first)


def _shown(review: Review, asked: Values) -> list[int]:
    """The row of the image that a page shows already and asks about, where it does."""
    shown = str(asked.get("id", ""))
    return [review.session.row(int(shown))] if shown.isdecimal() else []


def _rows(review: Review, said: Values) -> list[int]:
    ids = said.get("ids")
    if not isinstance(ids, list) or not ids:
        raise CuratorError("wanted ids, a list of images")
    return [review.session.row(image_id) for image_id in ids]
