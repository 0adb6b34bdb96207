"""A kNN graph in the making: what is decided first, searched row by row, and put together last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator_indexes._blocks import Progress, for_each_block
from curator_indexes._duplicates import RowGroups, expand_groups, group_rows
from curator_indexes._mirror import Mirrored, mirrored
from curator_indexes._neighbors import Found, nearest_others
from curator_indexes._plan import Plan
from curator_indexes._rows import Floats, Ids, Rows, open_rows
from curator_indexes.errors import VectorError

_MOST_ROWS = np.iinfo(np.int32).max


@dataclass(frozen=True, eq=False)
class Task:
    """Which graph is wanted.

    Attributes:
        rows: the distinct rows to be searched.
        groups: which of all n rows are equal to each of them.
        k: neighbours of each of the n rows.

    """

    rows: Rows
    groups: RowGroups
    k: int

    @property
    def near(self) -> int:
        """How many neighbours each distinct row needs among the others."""
        return min(self.k, len(self.rows) - 1)


def open_task(embeddings: NDArray[Any], k: int, memory_limit: int | None = None) -> Task:
    """Check the embeddings and find their copies; k is cut to what n rows allow."""
    rows = open_rows(embeddings, memory_limit=memory_limit)
    if len(rows) > _MOST_ROWS:
        raise VectorError(f"embeddings have {len(rows)} rows: a graph holds at most {_MOST_ROWS}")
    groups = group_rows(rows)
    return Task(rows if groups.plain else rows.only(groups.first), groups, min(k, max(len(rows) - 1, 0)))


def search_all(
    task: Task, plan: Plan, found: Found, start: int = 0, progress: Progress | None = None
) -> None:
    """Fill `found` [distinct rows, near] by direct search, in the plan's order of rows, from the start-th on.

    `progress` is told how many rows in that order are finished; all before them are.
    """
    order = plan.order()
    ids, similarities = found

    def work(low: int, high: int) -> None:
        chosen = order[start + low : start + high]
        ids[chosen], similarities[chosen] = nearest_others(task.rows, chosen, plan.search, task.near)

    def told(done: int, _total: int) -> None:
        if progress is not None:
            progress(start + done, len(order))

    for_each_block(work, len(order) - start, plan.queries_at_once, told)


def search_rows(task: Task, plan: Plan, chosen: Ids) -> Found:
    """The neighbours [m, near] that direct search finds for the chosen distinct rows [m]."""
    ids = np.empty((len(chosen), task.near), np.int32)
    similarities = np.empty((len(chosen), task.near), np.float32)

    def work(low: int, high: int) -> None:
        block = chosen[low:high]
        ids[low:high], similarities[low:high] = nearest_others(task.rows, block, plan.search, task.near)

    for_each_block(work, len(chosen), plan.queries_at_once)
    return ids, similarities


class Finished:
    """The graph of all n rows, put together from what was found directly, for some rows at a time."""

    def __init__(self, task: Task, plan: Plan, found: Found) -> None:
        self._task = task
        self._found: Mirrored | Found = found if plan.lists is None else mirrored(*found)
        self._group_of_row = None if task.groups.plain else task.groups.of_row

    def distinct_rows(self, chosen: Ids) -> tuple[Ids, Floats]:
        """The neighbours of distinct rows [b], ascending, among distinct rows."""
        if isinstance(self._found, Mirrored):
            return self._found.rows(chosen)
        return self._found[0][chosen].astype(np.int64), self._found[1][chosen]

    def rows(self, low: int, high: int) -> tuple[Ids, Floats]:
        """The neighbours of rows low to high-1: copies of a row are its neighbours too."""
        if self._group_of_row is None:
            return self.distinct_rows(np.arange(low, high))
        groups, place = np.unique(self._group_of_row[low:high], return_inverse=True)
        near, similarities = self.distinct_rows(groups)
        own, task = np.arange(low, high), self._task
        return with_copies(
            task.rows, task.groups, groups[place], near[place], similarities[place], task.k, own
        )


def with_copies(
    rows: Rows, groups: RowGroups, group: Ids, near: Ids, similarities: Floats, k: int, own: Ids
) -> tuple[Ids, Floats]:
    """From the nearest other groups of rows to their k nearest rows: copies of a row are its neighbours too.

    Args:
        rows: the distinct rows, by group.
        groups: the groups.
        group: of each of b rows, int64 [b].
        near: the nearest other groups, best first, int64 [b, g].
        similarities: of those, float32 [b, g].
        k: how many rows to return.
        own: the b rows themselves, int64 [b].

    Returns:
        Row ids int64 [b, k] and similarities float32 [b, k].

    """
    # A row's similarity to its copies is 1 without any rounding; a zero row's is 0.
    to_copies = rows.take(group).any(axis=1, keepdims=True).astype(np.float32)
    near, scores = np.hstack([group[:, None], near]), np.hstack([to_copies, similarities])
    return expand_groups(groups, near, scores, k, own)
