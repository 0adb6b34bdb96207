"""A graph under way, in a folder: what was decided and how far the search has come, so that it can go on."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator_indexes._lists import read_lists, write_lists
from curator_indexes._needs import Effort
from curator_indexes._neighbors import Found
from curator_indexes._plan import Plan
from curator_indexes._rows import Rows
from curator_indexes.files import atomic_path, sha256_file

_SECONDS_BETWEEN = 20.0  # flushes: what a kill can cost


class Checkpoint:
    """The work folder of one build, to be begun before it is written to."""

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        self.identity: Mapping[str, Any] = json.loads(json.dumps(identity))
        self._flushed = monotonic()

    def begun(self) -> bool:
        """Whether the folder is of this build."""
        return bool(self._read("identity") == self.identity)

    def begin(self) -> None:
        """Go on, or begin: a folder left by a build of anything else is emptied first."""
        if not self.begun():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            self._write("identity", self.identity)

    def load_plan(self, rows: Rows) -> Plan | None:
        """The plan made before, if it was written to the end."""
        stored = self._read("plan")
        if stored is None:
            return None
        if stored["effort"] is None:
            return Plan.exact(rows)
        path = self.folder / "index.faiss"
        if not path.is_file() or sha256_file(path) != stored["sha256"]:
            return None
        return Plan(rows, read_lists(path), Effort(**stored["effort"]))

    def save_plan(self, plan: Plan) -> None:
        """Keep a plan."""
        if plan.lists is None:
            self._write("plan", {"effort": None})
            return
        with atomic_path(self.folder / "index.faiss") as path:
            write_lists(plan.lists, path)
        checksum = sha256_file(self.folder / "index.faiss")
        self._write("plan", {"effort": asdict(plan.effort), "sha256": checksum})

    def open_found(self, shape: tuple[int, int]) -> tuple[Found, int]:
        """The arrays found so far, on disk, and how many rows of the plan's order are finished."""
        done = self._read("done") or 0
        paths = self.folder / "neighbors.npy", self.folder / "similarities.npy"
        if done and all(path.is_file() for path in paths):
            return (_map(paths[0]), _map(paths[1])), done
        return allocate(paths, shape), 0

    def mark(self, found: Found, done: int, *, last: bool = False) -> None:
        """Say that `done` rows of the plan's order are finished; now and then this reaches the disk."""
        if not last and monotonic() - self._flushed < _SECONDS_BETWEEN:
            return
        for array in found:
            if isinstance(array, np.memmap):
                array.flush()
        self._write("done", done)
        self._flushed = monotonic()

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, name: str) -> Any:
        try:
            return json.loads((self.folder / f"{name}.json").read_bytes())
        except (OSError, ValueError):
            return None

    def _write(self, name: str, value: Any) -> None:
        with atomic_path(self.folder / f"{name}.json") as path:
            path.write_text(json.dumps(value))


def allocate(paths: tuple[Path, Path], shape: tuple[int, int]) -> Found:
    """Make the files of neighbours and of similarities, and map them to be written."""
    for path, dtype in zip(paths, (np.int32, np.float32), strict=True):
        _make_room(path, shape, np.dtype(dtype))
    return _map(paths[0]), _map(paths[1])


def _make_room(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Make a .npy file with room on the disk for all of it: a full disk is an error now, no crash later."""
    with path.open("wb") as file:
        descr = np.lib.format.dtype_to_descr(dtype)
        np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
        size = int(np.prod(shape)) * dtype.itemsize
        file.flush()
        if hasattr(os, "posix_fallocate") and size:
            os.posix_fallocate(file.fileno(), file.tell(), size)
        else:
            _write_zeros(file, size)


def _write_zeros(file: Any, size: int) -> None:
    block = bytes(1 << 20)
    for low in range(0, size, len(block)):
        file.write(block[: size - low])


def _map(path: Path) -> NDArray[Any]:
    mapped: NDArray[Any] = np.load(path, mmap_mode="r+", allow_pickle=False)
    return mapped
