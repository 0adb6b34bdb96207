"""What is at an address: bounded in bytes, in time, and in where it may lead."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from http.client import HTTPException
from pathlib import PurePosixPath
from typing import IO, Any, NamedTuple
from urllib import request
from urllib.error import HTTPError
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from curator.addresses import WEB, checked_address
from curator.errors import CuratorError
from curator.images.entry import IMAGE_EXTENSIONS
from curator.images.reasons import Reason, UnreadableImageError

PATIENCE = 30.0  # seconds without a byte
LONGEST = 300.0  # seconds for one image
PAUSES = (0.5, 2.0)  # seconds before an answer that may pass is asked for again
_REDIRECTS = 5
_CHUNK = 2**20
_PAGE_LIMIT, _PAGES = 2**24, 10_000  # bytes of one list of links, and how many are followed
_VERSIONS = ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "mtime", "updated", "created")


class Listed(NamedTuple):
    """An image at an address; `version` is a text that changes with it, empty where nobody says."""

    name: str
    address: str
    size: int = 0
    version: str = ""


def read_address(address: str, limit: int) -> bytes:
    """At most `limit` + 1 bytes at an address; `UnreadableImageError` says why there are none."""
    for pause in PAUSES:
        try:
            return _read(address, limit)
        except _PassingError:
            time.sleep(pause)
    try:
        return _read(address, limit)
    except _PassingError as error:
        raise UnreadableImageError("io_error", f"could not be fetched: {error}") from error


def images_at(address: str) -> Iterator[Listed]:
    """All images below an address, or the one it names; CuratorError where nobody answers."""
    if _is_image(urlsplit(checked_address(address)).path):
        name = unquote(urlsplit(address).path).rsplit("/", 1)[-1]
        return iter([Listed(name, address)])
    return _linked(address) if urlsplit(address).scheme in WEB else _stored(address)


class _PassingError(Exception):
    """What may go better a moment later."""


def _read(address: str, limit: int) -> bytes:
    deadline = time.monotonic() + LONGEST
    try:
        with _open(address) as file:
            data = _all_of(file, limit, deadline)
            _check_whole(file, len(data), limit)
            return data
    except (UnreadableImageError, _PassingError):
        raise
    except HTTPError as error:
        error.close()
        if error.code == 429 or error.code >= 500:
            raise _PassingError(f"the server answers {error.code} {error.reason}") from error
        raise UnreadableImageError(
            _reason(error.code), f"the server answers {error.code} {error.reason}"
        ) from error
    except FileNotFoundError as error:
        raise UnreadableImageError("missing", "is no longer at its address") from error
    except PermissionError as error:
        raise UnreadableImageError("permission", "may not be read by this user at its address") from error
    except (OSError, HTTPException) as error:
        raise _PassingError(str(getattr(error, "reason", None) or error) or type(error).__name__) from error
    except CuratorError as error:
        raise UnreadableImageError("io_error", str(error)) from error
    except Exception as error:  # each kind of store has errors of its own, and none may stop a run
        raise UnreadableImageError(
            "io_error", f"could not be fetched: {type(error).__name__}: {error}"
        ) from error


def _all_of(file: IO[bytes], limit: int, deadline: float) -> bytes:
    read: list[bytes] = []
    left = limit + 1
    while left and (chunk := file.read(min(left, _CHUNK))):
        read.append(chunk)
        left -= len(chunk)
        if time.monotonic() > deadline:
            raise UnreadableImageError("io_error", f"took more than {LONGEST:.0f} s to fetch")
    return b"".join(read)


def _check_whole(file: Any, read: int, limit: int) -> None:
    stated = file.headers.get("Content-Length") if hasattr(file, "headers") else None
    if stated is not None and stated.isdigit() and read < min(int(stated), limit + 1):
        raise _PassingError(f"the connection ended after {read:,} of {int(stated):,} bytes")


def _reason(status: int) -> Reason:
    reasons: dict[int, Reason] = {401: "permission", 403: "permission", 404: "missing", 410: "missing"}
    return reasons.get(status, "io_error")


def _open(address: str) -> Any:
    if urlsplit(checked_address(address)).scheme in WEB:
        return _web().open(address, timeout=PATIENCE)
    filesystem, path = _filesystem(address)
    return filesystem.open(path, "rb")


class _Redirects(request.HTTPRedirectHandler):
    max_redirections = _REDIRECTS

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if after not in WEB or (before == "https" and after == "http"):
            raise HTTPError(req.full_url, code, f"leads on to {after}://, which is not followed", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _web() -> request.OpenerDirector:
    """What speaks HTTP and nothing else: no file, no FTP, whatever an address or an answer leads to."""
    opener = request.OpenerDirector()
    handlers: tuple[Callable[[], request.BaseHandler], ...] = (
        request.ProxyHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPDefaultErrorHandler,
        _Redirects,
        request.HTTPErrorProcessor,
    )
    for handler in handlers:
        opener.add_handler(handler())
    opener.addheaders = [("User-Agent", "curator"), ("Accept", "image/*,*/*;q=0.5")]
    return opener


def _filesystem(address: str) -> tuple[Any, str]:
    try:
        import fsspec

        filesystem, path = fsspec.core.url_to_fs(address)
    except ImportError as error:
        raise CuratorError(
            f"{address.split(':')[0]}:// needs another package: pip install 'curator[remote]' ({error})"
        ) from error
    return filesystem, path


def _stored(address: str) -> Iterator[Listed]:
    """What a store lists below an address."""
    filesystem, root = _filesystem(address)
    try:
        found = filesystem.find(root, detail=True)
    except Exception as error:
        raise CuratorError(f"cannot list {address}: {type(error).__name__}: {error}") from error
    for path, facts in sorted(found.items()):
        name = path[len(root) :].lstrip("/")
        if _is_image(name) and _stays(name):
            version = next((str(facts[key]) for key in _VERSIONS if facts.get(key)), "")
            yield Listed(name, filesystem.unstrip_protocol(path), int(facts.get("size") or 0), version)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _linked(address: str) -> Iterator[Listed]:
    """What web pages that list files link to below an address, page by page."""
    root = address.split("?")[0].rstrip("/") + "/"
    waiting, seen = deque([root]), {root}
    while waiting:
        page = waiting.popleft()
        for link in _links(page):
            if not link.startswith(root) or link in seen or len(seen) - len(waiting) > _PAGES:
                continue
            name = unquote(link[len(root) :])
            if link.endswith("/"):
                seen.add(link)
                waiting.append(link)
            elif _is_image(name) and _stays(name):
                seen.add(link)
                yield Listed(name, link)


def _links(page: str) -> list[str]:
    try:
        text = read_address(page, _PAGE_LIMIT).decode("utf-8", "replace")
    except UnreadableImageError as error:
        raise CuratorError(f"cannot list {page}: {error.message}") from error
    parser = _Links()
    parser.feed(text)
    return [whole for link in parser.found if (whole := _joined(page, link))]


def _joined(page: str, link: str) -> str:
    """Where a link leads to, without query and fragment; empty where it is no address at all."""
    try:
        return urldefrag(urljoin(page, link.strip())).url.split("?")[0]
    except ValueError:
        return ""


def _is_image(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in IMAGE_EXTENSIONS


def _stays(name: str) -> bool:
    return all(part not in ("", ".", "..") for part in name.split("/")) and "\0" not in name
