"""Small pictures of the workspace's images, of the very content that was embedded."""

from curator.images import UnreadableImageError, preview_jpeg, read_image
from curator.jobs._reading import content_hash
from curator.store.catalog import ImageRow
from curator.store.workspace import Workspace


def thumbnail(workspace: Workspace, image: ImageRow, longest: int) -> bytes:
    """The image as JPEG, at most `longest` pixels on a side.

    Raises:
        UnreadableImageError: the file is gone, damaged, or another one than was embedded.

    """
    data = read_image(workspace.images / image.path)
    if content_hash(data) != image.content_hash:
        raise UnreadableImageError("corrupt", "is another file than was embedded: run `curator embed` again")
    return preview_jpeg(data, longest)


def thumbnail_or_nothing(workspace: Workspace, image: ImageRow, longest: int) -> bytes:
    """The same, but empty where the image cannot be read any more: a page has room for a gap."""
    try:
        return thumbnail(workspace, image, longest)
    except UnreadableImageError:
        return b""
