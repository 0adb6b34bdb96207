"""Pictures for the page: re-encoded by us, made once, found by image and never by path."""

import secrets
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from curator.errors import CuratorError
from curator.images import UnreadableImageError
from curator.jobs._thumbnails import thumbnail
from curator.review.session import Session
from curator.store.catalog import ImageRow

SIDES = {"small": 256, "large": 1280}  # longest side in pixels
_FOREVER = "private, max-age=31536000, immutable"  # a picture's address changes with its content


class Thumbnails:
    """JPEGs of a session's images, kept by content in the workspace's folder `thumbnails`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._folder = session.workspace.folder / "thumbnails"

    def route(self) -> Route:
        """Where a picture is had by the id of its image; 404 where there is none."""

        async def endpoint(request: Request) -> Response:
            asked = request.path_params
            try:
                data = await run_in_threadpool(self._asked, asked["image_id"], asked["size"])
            except (CuratorError, UnreadableImageError) as error:
                return JSONResponse({"error": str(error)}, 404)
            return Response(data, media_type="image/jpeg", headers={"cache-control": _FOREVER})

        return Route("/image/{image_id:int}/{size}", endpoint)

    def jpeg(self, image: ImageRow, size: str) -> bytes:
        """The picture of an image, `size` being small or large.

        Raises:
            UnreadableImageError: the file is gone, damaged, or another one than was embedded.

        """
        kept = self._folder / image.content_hash[:2] / f"{image.content_hash}.{SIDES[size]}.jpg"
        try:
            return kept.read_bytes()
        except OSError:
            made = thumbnail(self._session.workspace, image, SIDES[size])
            _keep(kept, made)
            return made

    def _asked(self, image_id: int, size: str) -> bytes:
        if size not in SIDES:
            raise CuratorError(f"there is no size {size!r}: wanted {' or '.join(SIDES)}")
        return self.jpeg(self._session.image(self._session.row(image_id)), size)


def _keep(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; a full disk only costs the next reader the making."""
    beside = path.with_name(f".{secrets.token_hex(6)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
