"""What a search of inverted lists must do at least to find given rows.

Pairs of rows are given as `slots` (the number of the searching row among those that search) and `targets`
(the id of the row to be found), one after the other, [m].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curator_indexes._blocks import for_each_block
from curator_indexes._exact import QUERY_ROWS
from curator_indexes._lists import InvertedLists
from curator_indexes._ranking import best_first, rescore
from curator_indexes._rows import Floats, Ids, Rows

NEVER = np.iinfo(np.int32).max

Places = NDArray[np.int32]


@dataclass(frozen=True)
class Effort:
    """How many lists a search looks into, and how many candidates from them it compares exactly."""

    probes: int
    candidates: int


@dataclass(frozen=True, eq=False)
class Needs:
    """The least effort that finds each target: probes and candidates, int32 of one shape."""

    probes: Places
    candidates: Places

    def met(self, effort: Effort) -> NDArray[np.bool_]:
        """Which of the targets are found."""
        return (self.probes <= effort.probes) & (self.candidates <= effort.candidates)


def candidates_of(rows: Rows, lists: InvertedLists, searching: Ids, effort: Effort) -> Places:
    """The candidates of the searching rows, themselves included, best first, int32 [s, candidates]."""
    found = np.empty((len(searching), effort.candidates), np.int32)

    def work(low: int, high: int) -> None:
        queries = rows.take(searching[low:high])
        found[low:high] = lists.search(queries, effort.candidates, effort.probes)

    for_each_block(work, len(searching), QUERY_ROWS)
    return found


def places(candidates: Places, slots: Ids, targets: Ids) -> Places:
    """How many of the candidates [s, c] must be taken to have each target among them, [m]; maybe `NEVER`."""
    s, depth = candidates.shape
    stride = int(max(candidates.max(initial=0), targets.max(initial=0))) + 2
    keys = candidates + np.arange(s, dtype=np.int64)[:, None] * stride + 1  # [s, c], row after row apart
    order = np.argsort(keys, axis=1)
    keys = np.take_along_axis(keys, order, axis=1).ravel()
    wanted = targets + slots * stride + 1
    position = np.minimum(np.searchsorted(keys, wanted), s * depth - 1)
    return np.where(keys[position] == wanted, order.ravel()[position] + 1, NEVER).astype(np.int32)


def list_ranks(rows: Rows, lists: InvertedLists, searching: Ids, slots: Ids, targets: Ids) -> Places:
    """How many lists must be looked into to meet each target, [m]; `slots` ascending."""
    ranks = np.empty(len(slots), np.int32)

    def work(low: int, high: int) -> None:
        nearest = lists.nearest_lists(rows.take(searching[low:high]))  # [b, lists]
        rank_of_list = np.argsort(nearest, axis=1)
        part = slice(*np.searchsorted(slots, (low, high)))
        ranks[part] = rank_of_list[slots[part] - low, lists.list_of_row[targets[part]]] + 1

    for_each_block(work, len(searching), QUERY_ROWS)
    return ranks


def worst_kept(rows: Rows, searching: Ids, candidates: Places, k: int) -> Floats:
    """The similarity of the k-th best candidate other than the row itself, float32 [s]."""
    worst = np.empty(len(searching), np.float32)

    def work(low: int, high: int) -> None:
        own = searching[low:high]
        ids = candidates[low:high].astype(np.int64)
        ids[ids == own[:, None]] = -1
        worst[low:high] = best_first(ids, rescore(rows, rows.take(own), ids), k)[1][:, -1]

    for_each_block(work, len(searching), QUERY_ROWS)
    return worst
