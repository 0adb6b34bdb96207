"""Files that are either whole or not there."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path
from tokenize import TokenError

# What numpy raises of a .npy header that no numpy has written.
NPY_ERRORS = (ValueError, EOFError, TypeError, OverflowError, MemoryError, SyntaxError, TokenError)


@contextmanager
def atomic_path(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file so that `target` is, at every moment, the old file or the whole new one.

    Yields a path in the same folder and with the same suffix, which the block must create. When the block
    ends well the file is flushed to the disk and takes the target's name; when it raises, the file is
    removed.
    """
    target = Path(target)
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(6)}.tmp{target.suffix}")
    try:
        yield temporary
        sync_file(temporary)
        os.replace(temporary, target)  # noqa: PTH105 - one call on all systems, unlike Path.rename
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(target.parent)


def sync_file(path: Path) -> None:
    """Flush one file to the disk."""
    with path.open("rb+") as file:  # Windows refuses to flush a file opened for reading
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names: a rename may not outlive a power cut otherwise. Windows cannot."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems refuse
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_file(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def free_path(wanted: Path) -> Path:
    """`wanted`, or where that exists the same name with -2, -3, ...: what is there may hold work."""
    numbered = (wanted.with_stem(f"{wanted.stem}-{number}") for number in count(2))
    return next(path for path in chain([wanted], numbered) if not path.exists())
