"""One writer at a time: an operating-system lock that dies with its process."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from curator.errors import CuratorError

WAIT_SECONDS = 3.0  # a short step may just be finishing; a long one is not worth waiting for blindly


@contextmanager
def write_lock(folder: Path, verb: str, wait: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the workspace's write lock; CuratorError naming the holder when another process has it."""
    holder = folder / "lock.json"
    lock = FileLock(folder / "lock", timeout=wait)
    try:
        lock.acquire()
    except Timeout as error:
        raise CuratorError(f"{_holder(holder)} is writing to {folder}: wait until it is done") from error
    try:
        holder.write_text(json.dumps({"pid": os.getpid(), "verb": verb}))
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def held(folder: Path) -> bool:
    """Whether a process holds the workspace's write lock."""
    if not (folder / "lock").exists():
        return False
    lock = FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False


def _holder(path: Path) -> str:
    try:
        told = json.loads(path.read_text())
        return f"`curator {told['verb']}` (process {told['pid']})"
    except (OSError, ValueError, KeyError):
        return "another curator"
