"""Blocks of rows coded and searched by other processes, which open embeddings and plan from shared files."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator_indexes._blocks import MapBlocks, Progress, Span, for_each_block
from curator_indexes._checkpoint import Checkpoint
from curator_indexes._construction import Task, open_task, search_rows
from curator_indexes._lists import Codes, encode_block, pack_coder, unpack_coder
from curator_indexes._neighbors import Found
from curator_indexes._plan import Plan
from curator_indexes._rows import Ids, Rows
from curator_indexes.errors import VectorError
from curator_indexes.kmeans import ASSIGNED_ROWS

_BLOCKS_A_TASK = 8  # of a search's or an assignment's own blocks: some 30,000 rows, seconds to a minute
_PROBED_ROWS = 64


@dataclass(frozen=True)
class SharedRows:
    """Embeddings in a file that other machines can read, too.

    Attributes:
        path: of the .npy file.
        probe: a hash of some of its rows, by which another machine knows that it sees the same file.
        memory_limit: as for `knn_graph`.

    """

    path: str
    probe: str
    memory_limit: int | None

    @classmethod
    def of(cls, embeddings: NDArray[Any], memory_limit: int | None) -> SharedRows | None:
        """Where memory-mapped embeddings lie; None where they are no whole .npy file."""
        path = getattr(embeddings, "filename", None)
        if path is None or Path(path).suffix != ".npy":
            return None
        stored = _mapped(path)
        if (stored.shape, stored.dtype) != (embeddings.shape, embeddings.dtype):
            return None
        return cls(str(path), _probed(stored), memory_limit)

    def task(self, k: int) -> Task:
        """The graph that is wanted, opened in this process."""
        try:
            stored = _mapped(self.path)
        except (OSError, ValueError) as error:
            raise VectorError(f"{platform.node()} cannot read {self.path} ({error}): {_SHARE}") from error
        if _probed(stored) != self.probe:
            raise VectorError(f"{self.path} on {platform.node()} is another file: {_SHARE}")
        return open_task(stored, k, self.memory_limit)


_SHARE = "put the workspace where all machines see it under the same path"


@dataclass(frozen=True)
class Coding:
    """Work to be sent: the lists of rows low to high-1, int64 [m], and their codes, uint8 [m, bytes]."""

    shared: SharedRows
    coder: NDArray[np.uint8]

    @cached_property
    def _opened(self) -> tuple[Rows, Any, Any]:
        return self.shared.task(1).rows, *unpack_coder(self.coder)

    def __call__(self, low: int, high: int) -> tuple[Ids, Codes]:
        rows, projection, index = self._opened
        lists = np.empty(high - low, np.int64)
        codes = np.empty((high - low, index.code_size), np.uint8)

        def work(start: int, end: int) -> None:
            found = encode_block(index, projection, rows.block(low + start, low + end))
            lists[start:end], codes[start:end] = found

        for_each_block(work, high - low, ASSIGNED_ROWS)
        return lists, codes


@dataclass(frozen=True)
class Searching:
    """Work to be sent: the neighbours of rows low to high-1 of the plan's order."""

    shared: SharedRows
    folder: Path
    identity: Mapping[str, Any]
    k: int

    @cached_property
    def _opened(self) -> tuple[Task, Plan, Ids]:
        task, checkpoint = self.shared.task(self.k), Checkpoint(self.folder, self.identity)
        plan = checkpoint.load_plan(task.rows) if checkpoint.begun() else None
        if plan is None:
            raise VectorError(f"{platform.node()} does not see the plan in {self.folder}: {_SHARE}")
        return task, plan, plan.order()

    def __call__(self, low: int, high: int) -> Found:
        task, plan, order = self._opened
        return search_rows(task, plan, order[low:high])


@dataclass(frozen=True)
class Elsewhere:
    """Has the embeddings coded and searched by others."""

    map_blocks: MapBlocks
    shared: SharedRows

    @classmethod
    def over(
        cls, map_blocks: MapBlocks | None, embeddings: NDArray[Any], memory_limit: int | None = None
    ) -> Elsewhere | None:
        """None where there are no others, or they could not read the embeddings."""
        shared = None if map_blocks is None else SharedRows.of(embeddings, memory_limit)
        return None if map_blocks is None or shared is None else cls(map_blocks, shared)

    def encode(self, index: Any, rows: Rows, projection: Any) -> tuple[Ids, Codes]:
        """The list of each distinct row, int64 [n], and its code, uint8 [n, bytes]."""
        spans = list(_spans(0, len(rows), ASSIGNED_ROWS))
        parts = self.map_blocks(Coding(self.shared, pack_coder(projection, index)), spans)
        lists, codes = np.empty(len(rows), np.int64), np.empty((len(rows), index.code_size), np.uint8)
        for (low, high), part in zip(spans, parts, strict=True):
            lists[low:high], codes[low:high] = part
        return lists, codes

    def search(
        self, task: Task, plan: Plan, checkpoint: Checkpoint, found: Found, start: int, progress: Progress
    ) -> None:
        """Fill `found` in the plan's order of rows, from the start-th on, as `search_all` does."""
        order, folder = plan.order(), checkpoint.folder.absolute()
        spans = list(_spans(start, len(order), plan.queries_at_once))
        work = Searching(self.shared, folder, checkpoint.identity, task.k)
        for (low, high), part in zip(spans, self.map_blocks(work, spans), strict=True):
            chosen = order[low:high]
            found[0][chosen], found[1][chosen] = part
            progress(high, len(order))


def _spans(start: int, total: int, block: int) -> Iterator[Span]:
    """Spans of whole blocks: the blocks that one process would work on."""
    for low in range(start, total, _BLOCKS_A_TASK * block):
        yield low, min(low + _BLOCKS_A_TASK * block, total)


def _mapped(path: str | Path) -> NDArray[Any]:
    stored: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return stored


def _probed(stored: NDArray[Any]) -> str:
    """A hash of shape, type and some rows from the first to the last."""
    places = np.linspace(0, max(len(stored) - 1, 0), _PROBED_ROWS).astype(np.int64)
    facts = f"{stored.shape} {stored.dtype} ".encode()
    return hashlib.sha256(facts + stored[places].tobytes()).hexdigest()
