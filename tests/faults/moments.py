"""Everything a process does to the disk, counted: at the nth step it is killed, or the disk refuses.

Python tells an audit hook of each file it is about to open for writing, rename, remove or make, whoever asks
(numpy, shutil, pathlib); commits and flushes are counted besides. Nothing is replaced by a double: until the
chosen moment all is real, and so is the death.
"""

import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

CHANGES = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link"})
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Moments:
    """Counts the steps below a folder, and at number `fatal` (from 0) does what `fault` says."""

    def __init__(self, root: Path, fault: str = "none", fatal: int = -1) -> None:
        self.count = 0
        self._root, self._fatal, self._strike = str(root), fatal, FAULTS[fault]

    def install(self) -> None:
        """Count from now on; there is no way back, so do it in a process of its own."""
        flush = os.fsync

        def counted_flush(file: Any) -> None:
            self._step("flush")
            flush(file)

        setattr(os, "fsync", counted_flush)  # noqa: B010 - its type says that nobody may
        event.listen(Engine, "commit", lambda _connection: self._step("commit"))
        sys.addaudithook(self._audit)

    def _audit(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name == "open" and isinstance(arguments[2], int) and not arguments[2] & WRITING:
            return
        if (name == "open" or name in CHANGES) and self._ours(arguments[0]):
            self._step(f"{name} {arguments[0]}")

    def _ours(self, path: object) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        return os.fsdecode(path).startswith(self._root)

    def _step(self, what: str) -> None:
        self.count += 1
        if self.count == self._fatal + 1:
            self._strike(what)


def _die(_what: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _refuse(number: int) -> Callable[[str], None]:
    def refuse(what: str) -> None:
        raise OSError(number, os.strerror(number), what)

    return refuse


def _nothing(_what: str) -> None:
    pass


FAULTS: dict[str, Callable[[str], None]] = {
    "none": _nothing,
    "kill": _die,
    "full": _refuse(errno.ENOSPC),
    "forbidden": _refuse(errno.EACCES),
    "broken": _refuse(errno.EIO),
}
