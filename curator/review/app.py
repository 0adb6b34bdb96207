"""The routes of the page: each reads plain values, calls one method, and answers in JSON."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

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
from curator.palette import palettes
from curator.review.advice import Advisor
from curator.review.doubts import Doubts
from curator.review.labeling import Labeling
from curator.review.map import Map
from curator.review.search import Search
from curator.review.security import UPLOAD_PATH, Guard, parsed
from curator.review.session import Session, checked_name
from curator.review.thumbnails import SIDES, Thumbnails
from curator.store.workspace import Workspace

STATIC = Path(__file__).parent / "static"
_FOREVER = "private, max-age=31536000, immutable"  # a picture's address changes with its content
_LONGEST_KEY = 64  # characters of a client's or an action's name

Values: TypeAlias = dict[str, Any]
Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Review:
    """All that one sitting consists of."""

    session: Session
    advisor: Advisor
    labeling: Labeling
    doubts: Doubts
    map: Map
    search: Search
    thumbnails: Thumbnails

    @classmethod
    def of(cls, workspace: Workspace, annotator: str) -> "Review":
        """A sitting over a workspace; its advisor is not started yet."""
        session = Session(workspace, annotator)
        advisor = Advisor(session)
        doubts = Doubts(session)
        return cls(
            session,
            advisor,
            Labeling(session, advisor),
            doubts,
            Map(session, advisor, doubts),
            Search(session, advisor),
            Thumbnails(workspace),
        )


def make_app(review: Review, *, token: str, port: int) -> ASGIApp:
    """The whole application behind its guard."""
    routes = [
        Route("/", _index),
        Mount("/static", StaticFiles(directory=STATIC)),
        Route("/image/{image_id:int}/{size}", _picture(review)),
        _get("/api/session", lambda _asked: _session(review)),
        _get("/api/label", lambda asked: review.labeling.next(_client(asked))),
        _get("/api/group", lambda asked: review.labeling.group(_client(asked))),
        _get("/api/progress", lambda asked: review.labeling.progress(_client(asked))),
        _post("/api/label", lambda said: _label(review, said)),
        _post("/api/skip", lambda said: _skip(review, said)),
        _post("/api/undo", lambda said: _replayed(review, said, review.session.undo)),
        _post("/api/redo", lambda said: _replayed(review, said, review.session.redo)),
        _get("/api/doubts", lambda asked: review.doubts.next(_client(asked))),
        _post("/api/doubts", lambda said: _judge(review, said)),
        _get("/api/map", lambda _asked: review.map.status()),
        _binary("/api/map/points", lambda _asked: review.map.points()),
        _binary("/api/map/palettes", lambda _asked: palettes()),
        _binary("/api/map/colours", lambda asked: review.map.colours(str(asked.get("by")))),
        _post("/api/map/inside", lambda said: review.map.inside(said.get("corners"))),
        _post("/api/map/label", lambda said: _label_inside(review, said)),
        _post("/api/search", lambda said: review.search.like(review.session.row(said.get("id")))),
        Route(UPLOAD_PATH, _upload(review), methods=["POST"]),
    ]
    handlers: dict[Any, Any] = {CuratorError: _refused, ValueError: _refused}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), token=token, port=port)


async def _index(_request: Request) -> Response:
    return FileResponse(STATIC / "index.html")


async def _refused(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


def _get(path: str, answer: Callable[[Values], Values]) -> Route:
    async def endpoint(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(answer, dict(request.query_params)))

    return Route(path, endpoint, methods=["GET"])


def _post(path: str, answer: Callable[[Values], Values]) -> Route:
    async def endpoint(request: Request) -> Response:
        said = parsed(await request.body())
        return JSONResponse(await run_in_threadpool(answer, said))

    return Route(path, endpoint, methods=["POST"])


def _binary(path: str, answer: Callable[[Values], bytes]) -> Route:
    async def endpoint(request: Request) -> Response:
        data = await run_in_threadpool(answer, dict(request.query_params))
        return Response(data, media_type="application/octet-stream")

    return Route(path, endpoint, methods=["GET"])


def _upload(review: Review) -> Handler:
    async def endpoint(request: Request) -> Response:
        data = await request.body()
        return JSONResponse(await run_in_threadpool(review.search.like_file, data))

    return endpoint


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


def _session(review: Review) -> Values:
    session = review.session
    return {
        "annotator": session.annotator,
        "images": session.n,
        "labelled": int((session.labels >= 0).sum()),
        "folder": session.workspace.images.name,
        "version": session.state.checksums["embeddings"][:12],
    }


def _label(review: Review, said: Values) -> Values:
    client, rows = _client(said), _rows(review, said)
    label = None if said.get("label") is None else checked_name(said["label"])
    review.labeling.answer(client, _key(said, "action"), rows, label)
    return _then(review, said)


def _skip(review: Review, said: Values) -> Values:
    mode = review.doubts if said.get("view") == "doubts" else review.labeling
    mode.pass_over(_client(said), _rows(review, said))
    return _then(review, said)


def _label_inside(review: Review, said: Values) -> Values:
    without = np.array(_rows(review, said) if said.get("ids") else [], np.int64)
    label, corners = checked_name(said.get("label")), said.get("corners")
    count = review.map.label(_client(said), _key(said, "action"), corners, without, label)
    return {"labelled": count, **review.map.inside(corners)}


def _judge(review: Review, said: Values) -> Values:
    [row] = _rows(review, said)
    review.doubts.judge(_client(said), _key(said, "action"), row, str(said.get("verdict")), said.get("label"))
    return _then(review, said)


def _replayed(review: Review, said: Values, replay: Callable[[str], list[int]]) -> Values:
    rows = replay(_client(said))
    return _then(review, said, rows) | {"changed": len(rows)}


def _then(review: Review, said: Values, first: list[int] | None = None) -> Values:
    """What the view that asked shows next; first what was just taken back, where it is to be asked again."""
    client, view = _client(said), said.get("view", "label")
    if view == "doubts":
        return review.doubts.next(client, first=first or ())
    if view in ("map", "search"):
        return {"classes": [{"name": name} for name in review.session.names]}
    if view == "group":
        return review.labeling.group(client)
    open_again = [row for row in first or () if review.session.labels[row] < 0]
    return review.labeling.next(client, first=open_again)


def _client(said: Values) -> str:
    return _key(said, "client") or "page"


def _key(said: Values, name: str) -> str:
    value = said.get(name, "")
    if not isinstance(value, str) or len(value) > _LONGEST_KEY:
        raise CuratorError(f"{name} is to be at most {_LONGEST_KEY} characters")
    return value


def _rows(review: Review, said: Values) -> list[int]:
    ids = said.get("ids")
    if not isinstance(ids, list) or not ids:
        raise CuratorError("wanted ids, a list of images")
    return [review.session.row(image_id) for image_id in ids]
