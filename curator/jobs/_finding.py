"""Which image a person means by a path."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from curator.addresses import is_address, name_of
from curator.store.catalog import KnownImage
from curator.store.workspace import Workspace


def spellings(workspace: Workspace, path: str) -> Iterator[str]:
    """A path as the catalog may know it: as given, with forward slashes, relative to the image folder."""
    yield path
    posix = PureWindowsPath(path).as_posix() if "\\" in path else path
    yield str(PurePosixPath(posix))
    if posix.startswith(f"{workspace.images.name}/"):
        yield posix.removeprefix(f"{workspace.images.name}/")
    if is_address(path):
        yield path.removeprefix(f"{workspace.source}".rstrip("/") + "/")
        yield name_of(path)
    if Path(posix).is_absolute() and Path(posix).is_relative_to(workspace.images):
        yield Path(posix).relative_to(workspace.images).as_posix()


def spellings_elsewhere(workspace: Workspace, path: str) -> Iterator[str]:
    """A path written on another machine, too: without its first folder, without its first two, and so on."""
    yield from spellings(workspace, path)
    parts = PurePosixPath(path.replace("\\", "/")).parts
    yield from ("/".join(parts[start:]) for start in range(1, len(parts)))


def unknown(workspace: Workspace, path: str, found: KnownImage | None) -> str:
    """Why a path names no image that can be labelled, in words."""
    if found is None:
        return f"no image {path!r} in {workspace.source} (paths are relative to that folder)"
    if found.state == "ready":
        return f"the image {path!r} is another one now than the column `id` says: look at it again"
    states = {"broken": "could not be read", "gone": "is no longer there", "ignored": "is not an image"}
    return f"the image {path!r} {states.get(found.state, 'has not been embedded yet')}"
