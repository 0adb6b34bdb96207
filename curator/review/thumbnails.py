"""Pictures for the page: re-encoded by us, made once, found by image and never by path."""

import secrets
from pathlib import Path

from curator.jobs._thumbnails import thumbnail
from curator.store.catalog import ImageRow
from curator.store.workspace import Workspace

SIDES = {"small": 256, "large": 1280}  # longest side in pixels


class Thumbnails:
    """JPEGs of the workspace's images, kept by content in its folder `thumbnails`."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._folder = workspace.folder / "thumbnails"

    def jpeg(self, image: ImageRow, size: str) -> bytes:
        """The picture of an image, `size` being small or large.

        Raises:
            UnreadableImageError: the file is gone, damaged, or another one than was embedded.

        """
        kept = self._folder / image.content_hash[:2] / f"{image.content_hash}.{SIDES[size]}.jpg"
        try:
            return kept.read_bytes()
        except OSError:
            made = thumbnail(self._workspace, image, SIDES[size])
            _keep(kept, made)
            return made


def _keep(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; a full disk only costs the next reader the making."""
    beside = path.with_name(f".{secrets.token_hex(6)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
