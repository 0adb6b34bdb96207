"""One writer at a time: an operating-system lock that dies with its process."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from curator.errors import CuratorError

WAIT_SECONDS = 3.0  # a short step may just be finishing; a long one is not worth waiting for blindly

Lease = Callable[[], None]
"""Raises CuratorError where a lock is no longer held: whoever goes on writing would not be alone."""


@contextmanager
def write_lock(folder: Path, verb: str, wait: float = WAIT_SECONDS) -> Iterator[Lease]:
    """Hold the workspace's write lock; CuratorError naming the holder when another process has it."""
    holder = folder / "lock.json"
    lock = FileLock(folder / "lock", timeout=wait)
    try:
        lock.acquire()
    except Timeout as error:
        raise CuratorError(f"{_holder(holder)} is writing to {folder}: wait until it is done") from error
    try:
        holder.write_text(json.dumps({"pid": os.getpid(), "verb": verb}))
        yield _for_ever
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def lock_holder(folder: Path) -> str | None:
    """Which command holds the workspace's write lock, in words; None where nobody does."""
    if not (folder / "lock").exists():
        return None
    lock = FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return _holder(folder / "lock.json")
    lock.release()
    return None


def _holder(path: Path) -> str:
    try:
        told = json.loads(path.read_text())
        return f"`curator {told['verb']}` (process {told['pid']})"
    except (OSError, ValueError, KeyError):
        return "another curator"


def _for_ever() -> None:
    """The operating system takes no lock away from a process that lives."""
