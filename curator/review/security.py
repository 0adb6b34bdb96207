"""Who may talk to the page: this machine's browser with the token, and no other site through it."""

import json
import secrets
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

JSON_LIMIT = 256 * 1024  # bytes of a request's body
UPLOAD_LIMIT = 64 * 2**20
UPLOAD_PATH = "/api/search/upload"

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_STRANGER = "This page is private. Open the address that `curator review` printed, with its token."


class _TooLargeError(Exception):
    """A body turned out longer than is read."""


class Guard:
    """Lets a request through only where host, origin, token, kind and length of body are right.

    A page of another site can make a browser send requests here, and with DNS rebinding even read the
    answers: `Host` and `Origin` tell them apart. The token is in the address that opens the page; that one
    answer sets the cookie that carries it from then on. GET changes nothing, so only POST needs an origin.
    """

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self._app = app
        self._token = token
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        self._origins = {f"http://{host}" for host in self._hosts}
        self._cookie = f"curator-{port}"  # cookies know no ports, and two reviews may be open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return None
        refusal = self._refusal(scope)
        entering = self._entering(scope)
        answer = self._decorated(send, entering)
        if refusal is not None:
            return await PlainTextResponse(refusal[1], refusal[0])(scope, receive, answer)
        try:
            return await self._app(scope, _bounded(receive, _limit(scope)), answer)
        except _TooLargeError:
            return await PlainTextResponse("the request is too long", 413)(scope, receive, answer)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        if headers.getlist("host") not in [[host] for host in self._hosts]:
            return 421, "This server is for one page on this machine."
        origins = headers.getlist("origin")
        if (origins or scope["method"] == "POST") and origins not in [[origin] for origin in self._origins]:
            return 403, "Requests from other sites are refused."
        if not (self._entering(scope) or self._known(headers)):
            return 403, _STRANGER
        if scope["method"] == "POST":
            return _unfit(scope, headers)
        return None if scope["method"] in ("GET", "HEAD") else (405, "GET or POST")

    def _entering(self, scope: Scope) -> bool:
        """Whether this is the first request, with the token in the address."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        at_door = scope["path"] == "/" and scope["method"] == "GET" and len(given) == 1
        return at_door and _same(given[0], self._token)

    def _known(self, headers: Headers) -> bool:
        return any(_same(value, self._token) for value in _cookies(headers, self._cookie))

    def _decorated(self, send: Send, entering: bool) -> Send:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("cache-control", "no-store")
                if entering:
                    kept = f"{self._cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict"
                    headers.append("set-cookie", kept)
            await send(message)

        return answer


def new_token() -> str:
    """192 random bits."""
    return secrets.token_urlsafe(24)


def parsed(body: bytes) -> dict[str, object]:
    """A JSON object out of a request's body; ValueError where it is anything else."""
    try:
        value = json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("wanted a JSON object")
    return value


def _same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode())


def _cookies(headers: Headers, name: str) -> Sequence[str]:
    found = []
    for line in headers.getlist("cookie"):
        try:
            cookies = SimpleCookie(line)
        except CookieError:
            continue
        if name in cookies:
            found.append(cookies[name].value)
    return found


def _unfit(scope: Scope, headers: Headers) -> tuple[int, str] | None:
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    wanted = "application/octet-stream" if scope["path"] == UPLOAD_PATH else "application/json"
    if kind != wanted:
        return 415, f"wanted {wanted}"
    stated = headers.get("content-length", "0")
    if not stated.isdecimal() or int(stated) > _limit(scope):
        return 413, "the request is too long"
    return None


def _limit(scope: Scope) -> int:
    return UPLOAD_LIMIT if scope["path"] == UPLOAD_PATH else JSON_LIMIT


def _bounded(receive: Receive, limit: int) -> Receive:
    """Count what arrives: a length may be left unstated, or be a lie."""
    arrived = 0

    async def bounded() -> Message:
        nonlocal arrived
        message = await receive()
        arrived += len(message.get("body", b""))
        if arrived > limit:
            raise _TooLargeError
        return message

    return bounded
