"""The bytes of one image file, whatever became of it since the folder was listed."""

import errno
import os
import stat
from functools import lru_cache
from pathlib import Path

from curator.images.containers import CONTAINERS, container_of
from curator.images.reasons import UnreadableImageError

READ_LIMIT = 512 * 2**20  # bytes: no photograph is larger, and a worker holds the file in memory

_REMEMBERED = 4  # containers whose lists of images are kept in memory

# A path that turns into a FIFO between the check and the open must not block for ever.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def read_image(path: Path, *, limit: int = READ_LIMIT) -> bytes:
    """All 1 to `limit` bytes of `path`, which may lead into a container; else `UnreadableImageError`."""
    try:
        inside = None if path.exists() else container_of(path)
        if inside is not None:
            container, name = inside
            data = CONTAINERS[container.suffix.lower()].read(container, name, limit)
            return _checked_size(data, len(data), limit)
        _check_kind(path.stat().st_mode)
        with open(os.open(path, _FLAGS), "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor, not a path
            facts = os.fstat(file.fileno())
            _check_kind(facts.st_mode)
            data = b"" if facts.st_size > limit else file.readall()
    except UnreadableImageError:
        raise
    except (OSError, ValueError) as error:
        raise explain_os_error(error) from error
    except MemoryError as error:
        raise UnreadableImageError("out_of_memory", "needs more memory than there is") from error
    return _checked_size(data, facts.st_size, limit)


def image_facts(path: Path) -> tuple[int, int]:
    """Size and time of an image as `scan` gives them; `UnreadableImageError` where it is no longer there."""
    try:
        inside = None if path.exists() else container_of(path)
        if inside is None:
            status = path.stat()
            return status.st_size, status.st_mtime_ns
        container, name = inside
        status = container.stat()
        found = _facts(container, status.st_mtime_ns, status.st_size).get(name)
    except OSError as error:
        raise explain_os_error(error) from error
    if found is None:
        raise UnreadableImageError("missing", f"is no longer in {container.name}")
    return found


@lru_cache(maxsize=_REMEMBERED)
def _facts(container: Path, _mtime_ns: int, _size: int) -> dict[str, tuple[int, int]]:
    listed = CONTAINERS[container.suffix.lower()].entries(container)
    return {entry.name: (entry.size, entry.version) for entry in listed}


def _checked_size(data: bytes, size: int, limit: int) -> bytes:
    if max(size, len(data)) > limit:
        raise UnreadableImageError(
            "too_large_file",
            f"is larger than the {limit / 2**20:.0f} MiB that are read: make a smaller copy",
        )
    if not data:
        raise UnreadableImageError("empty", "holds no bytes: fetch or copy the image again")
    return data


def explain_os_error(error: OSError | ValueError) -> UnreadableImageError:
    """The reason and the advice behind what the operating system answered."""
    if isinstance(error, FileNotFoundError):
        return UnreadableImageError(
            "missing", "is gone, or is a link that leads nowhere: put it back or remove it"
        )
    if isinstance(error, PermissionError):
        return UnreadableImageError("permission", "may not be read by this user: change its permissions")
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return UnreadableImageError("symlink_loop", "is a link that leads back to itself: remove the link")
    return UnreadableImageError("io_error", f"could not be read: {getattr(error, 'strerror', None) or error}")


def _check_kind(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise UnreadableImageError("not_a_file", "is a folder, not an image")
    if not stat.S_ISREG(mode):
        raise UnreadableImageError("special_file", "is a pipe, socket or device, which is never opened")
