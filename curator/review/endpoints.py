"""Plain functions made into routes: what is asked comes as values, and so goes the answer, in JSON."""

from collections.abc import Callable
from typing import Any, TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from curator.errors import CuratorError
from curator.review.clients import Client
from curator.review.nametags import Nametags
from curator.review.security import parsed
from curator.review.session import checked_name

_LONGEST_KEY = 64  # characters of a client's or an action's name

Values: TypeAlias = dict[str, Any]
Answer: TypeAlias = Callable[[Client, Values], Values]


class Endpoints:
    """Makes routes whose functions know who asks: `annotator`, unless a browser says otherwise."""

    def __init__(self, tags: Nametags, annotator: str) -> None:
        self._tags, self._annotator = tags, annotator

    def get(self, path: str, answer: Answer) -> Route:
        """A question, with its values in the address."""

        async def endpoint(request: Request) -> Response:
            asked = dict(request.query_params)
            return JSONResponse(await run_in_threadpool(answer, self._client(request, asked), asked))

        return Route(path, endpoint, methods=["GET"])

    def post(self, path: str, answer: Answer) -> Route:
        """A statement, a JSON object."""

        async def endpoint(request: Request) -> Response:
            said = parsed(await request.body())
            return JSONResponse(await run_in_threadpool(answer, self._client(request, said), said))

        return Route(path, endpoint, methods=["POST"])

    def binary(self, path: str, answer: Callable[[Client, Values], bytes]) -> Route:
        """A question that is answered with an array's bytes."""

        async def endpoint(request: Request) -> Response:
            asked = dict(request.query_params)
            data = await run_in_threadpool(answer, self._client(request, asked), asked)
            return Response(data, media_type="application/octet-stream")

        return Route(path, endpoint, methods=["GET"])

    def upload(self, path: str, answer: Callable[[Client, bytes], Values]) -> Route:
        """A file, answered like a statement."""

        async def endpoint(request: Request) -> Response:
            client, data = self._client(request, dict(request.query_params)), await request.body()
            return JSONResponse(await run_in_threadpool(answer, client, data))

        return Route(path, endpoint, methods=["POST"])

    def naming(self, path: str) -> Route:
        """Where a browser says in whose name it labels from now on."""

        async def endpoint(request: Request) -> Response:
            name = checked_name(parsed(await request.body()).get("name"), "annotator")
            response = JSONResponse({"annotator": name})
            self._tags.put_on(response, name)
            return response

        return Route(path, endpoint, methods=["POST"])

    def _client(self, request: Request, said: Values) -> Client:
        return Client(self._tags.name(request) or self._annotator, key(said, "client") or "page")


def key(said: Values, name: str) -> str:
    """The name of a client or an action."""
    value = said.get(name, "")
    if not isinstance(value, str) or len(value) > _LONGEST_KEY:
        raise CuratorError(f"{name} is to be at most {_LONGEST_KEY} characters")
    return value
