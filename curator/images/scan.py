"""Which images a folder holds, in one order on every machine, and why any other file is not among them."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from curator.errors import CuratorError
from curator.images.containers import CONTAINERS, Container, container_kind
from curator.images.entry import IMAGE_EXTENSIONS
from curator.images.read import explain_os_error
from curator.images.reasons import Reason, UnreadableImageError

# Folders and files that systems leave behind: never an image of the user's, and not worth a line in a report.
_SYSTEM_NAMES = frozenset({"__macosx", "@eadir", "thumbs.db", "desktop.ini"})
# Photographs that deserve more than "other extension": a phone's folder would otherwise look empty.
_CONVERTIBLE = frozenset({".heic", ".heif", ".avif", ".jxl", ".jp2", ".dng", ".cr2", ".cr3", ".nef", ".arw"})

_Identity = tuple[int, int] | str


@dataclass(frozen=True)
class Found:
    """One file or folder met on the walk.

    `path` is relative to the folder, with `/`; `size` in bytes and `mtime_ns` describe the file a link leads
    to and are 0 where it was not looked at. `reason` is None for a file worth decoding, else a code explained
    by `message`.
    """

    path: str
    size: int = 0
    mtime_ns: int = 0
    reason: Reason | None = None
    message: str = ""


def scan(folder: Path, *, follow_symlinks: bool = False) -> Iterator[Found]:
    """Walk `folder`, in the byte order of the POSIX paths, holding one listing per level in memory.

    Hidden files and folders are passed over in silence. Links to files inside the folder are followed;
    links out of it only with `follow_symlinks`; a folder is never walked twice. What cannot be used is
    yielded with a reason, and the walk goes on. `folder` may be a container, of which the images are listed.
    Raises `CuratorError` if `folder` itself cannot be listed.
    """
    kind = container_kind(folder)
    if kind is not None and folder.is_file():
        return _listed(folder, kind)
    root = os.path.realpath(folder)
    try:
        listing = _listing(root)
    except OSError as error:
        raise CuratorError(
            f"cannot list the image folder {str(folder)!r} ({error.strerror}): give a folder that can be read"
        ) from error
    return _Walk(root, follow_symlinks).run(listing)


class _Walk:
    """One walk: `root` is a real path; `walked` holds every folder entered, `levels` the ones now open."""

    def __init__(self, root: str, follow_symlinks: bool) -> None:
        self.root = root
        self.follow = follow_symlinks
        self.walked: set[_Identity] = set()
        self.levels: list[tuple[_Identity, str, Iterator[os.DirEntry[str]]]] = []

    def run(self, listing: Iterator[os.DirEntry[str]]) -> Iterator[Found]:
        self._enter(_identity(self.root, Path(self.root).stat()), "", listing)
        while self.levels:
            _, prefix, entries = self.levels[-1]
            entry = next(entries, None)
            if entry is None:
                self.levels.pop()
            elif not _passed_over(entry.name):
                yield from self._visit(entry, prefix)

    def _enter(self, identity: _Identity, prefix: str, listing: Iterator[os.DirEntry[str]]) -> None:
        self.walked.add(identity)
        self.levels.append((identity, prefix, listing))

    def _visit(self, entry: os.DirEntry[str], prefix: str) -> Iterator[Found]:
        path, sound = _printable(prefix + entry.name)
        folder = _is_folder(entry)
        kind = CONTAINERS.get(_extension(entry.name))
        if not folder and sound and kind is not None and kind.walked:
            yield from self._visit_container(entry, path, kind)
        elif not folder and (extension := _extension(entry.name)) not in IMAGE_EXTENSIONS:
            yield Found(path, reason="other_extension", message=_other(extension))
        elif not sound:
            yield Found(path, reason="unsupported_name", message="has a name that is not UTF-8: rename it")
        else:
            try:
                found = self._visit_folder(entry, path) if folder else self._visit_file(entry, path)
            except OSError as error:
                why = explain_os_error(error)
                found = Found(path, reason=why.reason, message=why.message)
            if found is not None:
                yield found

    def _visit_container(self, entry: os.DirEntry[str], path: str, kind: Container) -> Iterator[Found]:
        """The images in a container, under its name."""
        found = None
        try:
            container = self._visit_file(entry, path)
            if container.reason is not None:
                yield container
                return
            for each in kind.entries(Path(entry.path)):
                found = Found(f"{path}/{each.name}", each.size, each.version)
                yield found
        except (OSError, UnreadableImageError) as error:
            why = explain_os_error(error) if isinstance(error, OSError) else error
            yield Found(path, reason=why.reason, message=why.message)
        else:
            if found is None:
                yield Found(path, reason="other_extension", message=kind.empty)

    def _visit_folder(self, entry: os.DirEntry[str], path: str) -> Found | None:
        identity = _identity(entry.path, entry.stat())
        if any(identity == open_folder for open_folder, _, _ in self.levels):
            return Found(path, reason="symlink_loop", message="leads back to a folder it lies in")
        if entry.is_symlink() and (refused := self._refuse_folder_link(entry, path)) is not None:
            return refused
        if identity in self.walked:
            return Found(path, reason="already_scanned", message="is a folder scanned under another name")
        self._enter(identity, path + "/", _listing(entry.path))
        return None

    def _refuse_folder_link(self, entry: os.DirEntry[str], path: str) -> Found | None:
        target = os.path.realpath(entry.path)
        if _within(self.root, target):
            inside = Path(target).relative_to(self.root)
            message = f"leads to {_printable(inside.as_posix())[0]!r}, which is scanned under its own name"
            if any(map(_passed_over, inside.parts)):
                return None
            return Found(path, reason="already_scanned", message=message)
        if not self.follow:
            return _outside(path)
        if _within(target, self.root):
            return Found(path, reason="symlink_loop", message="leads to a folder that holds the scanned one")
        return None

    def _visit_file(self, entry: os.DirEntry[str], path: str) -> Found:
        status = entry.stat()
        if not stat.S_ISREG(status.st_mode):
            message = "is a pipe, socket or device, which is never opened"
            return Found(path, reason="special_file", message=message)
        if entry.is_symlink() and not self.follow and not _within(self.root, os.path.realpath(entry.path)):
            return _outside(path)
        if status.st_size == 0:
            message = "holds no bytes: fetch or copy the image again"
            return Found(path, 0, status.st_mtime_ns, "empty", message)
        return Found(path, status.st_size, status.st_mtime_ns)


def _listed(container: Path, kind: Container) -> Iterator[Found]:
    """The images of a container that was named itself."""
    try:
        yield from (Found(each.name, each.size, each.version) for each in kind.entries(container))
    except OSError as error:
        raise CuratorError(f"cannot read {container}: {error.strerror}") from error
    except UnreadableImageError as error:
        raise CuratorError(f"{container} {error.message}") from error


def _listing(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return iter(sorted(entries, key=_sort_key))


def _sort_key(entry: os.DirEntry[str]) -> bytes:
    # The slash puts a folder where its files' full paths belong: `a-b.png` comes before `a/c.png`.
    leads_on = _is_folder(entry) or _extension(entry.name) in CONTAINERS
    return os.fsencode(entry.name) + (b"/" if leads_on else b"")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link into a loop, or into a folder that may not be entered
        return False


def _identity(path: str, status: os.stat_result) -> _Identity:
    # Some Windows file systems number no files; there the real path stands in.
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def _within(folder: str, path: str) -> bool:
    """Whether `path` is `folder` or lies in it; both real paths."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _passed_over(name: str) -> bool:
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def _printable(path: str) -> tuple[str, bool]:
    """`path` as text that can be stored and shown, and whether that is its true name."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path).decode("utf-8", "backslashreplace"), False
    return path, True


def _extension(name: str) -> str:
    return Path(name).suffix.lower()


def _other(extension: str) -> str:
    if extension in _CONVERTIBLE:
        return f"is a {extension[1:].upper()} photograph, which is not read: convert it to JPEG or PNG"
    return "is no image by its extension; read are " + " ".join(sorted(IMAGE_EXTENSIONS))


def _outside(path: str) -> Found:
    message = "is a link out of the folder: copy the target into it, or add --follow-symlinks"
    return Found(path, reason="outside_folder", message=message)
