"""Groups of equal rows, so that a search sees each row once and copies cannot crowd out other neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curator_indexes._blocks import for_each_block
from curator_indexes._rows import Floats, Ids, Rows, block_rows

_EXPANDED_VALUES = 1 << 22


@dataclass(frozen=True, eq=False)
class RowGroups:
    """Groups of equal rows, numbered by their lowest member.

    Attributes:
        members: row ids, group by group, ascending within each, int64 [n].
        starts: where each group begins in `members`, and n, int64 [groups + 1].

    """

    members: Ids
    starts: Ids

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def n(self) -> int:
        """How many rows there are."""
        return len(self.members)

    @property
    def plain(self) -> bool:
        """Whether no two rows are equal: group g is then row g."""
        return len(self) == self.n

    @property
    def first(self) -> Ids:
        """The lowest row id of each group, int64 [groups], ascending."""
        return self.members[self.starts[:-1]]

    @property
    def of_row(self) -> Ids:
        """The group of each row, int64 [n]."""
        group = np.empty(self.n, np.int64)
        group[self.members] = np.repeat(np.arange(len(self)), np.diff(self.starts))
        return group


def group_rows(rows: Rows) -> RowGroups:
    """Find the groups of equal rows: by a hash of their bytes, then by the bytes themselves."""
    n = len(rows)
    hashes = np.empty(n, np.uint64)
    # Multilinear hashing (Lemire and Kaser, arXiv 1202.4961): one random odd factor for each 32-bit word.
    factors = np.random.default_rng(0).integers(1 << 63, size=rows.d, dtype=np.uint64) * np.uint64(
        2
    ) + np.uint64(1)

    def hash_block(low: int, high: int) -> None:
        words = np.ascontiguousarray(rows.block(low, high)).view(np.uint32)  # [b, d]
        hashes[low:high] = (words * factors).sum(axis=1, dtype=np.uint64)

    for_each_block(hash_block, n, block_rows(rows.d))
    _, first, group = np.unique(hashes, return_index=True, return_inverse=True)
    if len(first) == n:
        return RowGroups(np.arange(n), np.arange(n + 1))
    first_of_row = first[group]
    _separate_collisions(rows, first_of_row)
    return groups_by(first_of_row)


def groups_by(label: Ids) -> RowGroups:
    """Groups of the rows that have the same label, from 0 to about n, int64 [n]."""
    if np.bincount(label).max(initial=0) <= 1:
        return RowGroups(np.arange(len(label)), np.arange(len(label) + 1))
    _, first, of_label = np.unique(label, return_index=True, return_inverse=True)
    leaders, group = np.unique(first[of_label], return_inverse=True)
    members = np.argsort(group, kind="stable")
    return RowGroups(members, np.searchsorted(group[members], np.arange(len(leaders) + 1)))


def _separate_collisions(rows: Rows, first_of_row: Ids) -> None:
    """Make each row that only shares its leader's hash, not its bytes, a leader of its own; in place."""
    ids = np.flatnonzero(first_of_row != np.arange(len(rows)))

    def compare(low: int, high: int) -> None:
        mine = ids[low:high]
        differs = (rows.take(mine) != rows.take(first_of_row[mine])).any(axis=1)
        first_of_row[mine[differs]] = mine[differs]

    for_each_block(compare, len(ids), block_rows(rows.d))


def expand_groups(
    groups: RowGroups, near: Ids, similarities: Floats, k: int, excluded: Ids | None = None
) -> tuple[Ids, Floats]:
    """Turn the nearest groups of b queries into their nearest k rows, best first, ties by lower id.

    Args:
        groups: the groups.
        near: group numbers, best first, int64 [b, g]; together they must hold k rows other than the excluded
            one.
        similarities: of those groups, float32 [b, g].
        k: how many rows to return.
        excluded: for each query the row that is not to be returned (itself), int64 [b].

    Returns:
        Row ids int64 [b, k] and similarities float32 [b, k].

    """
    ids = np.empty((len(near), k), np.int64)
    found = np.empty((len(near), k), np.float32)
    size = max(1, _EXPANDED_VALUES // ((k + 1) * near.shape[1]))
    for low in range(0, len(near), size):
        part = slice(low, low + size)
        own = None if excluded is None else excluded[part]
        ids[part], found[part] = _expand_block(groups, near[part], similarities[part], k, own)
    return ids, found


def _expand_block(
    groups: RowGroups, near: Ids, similarities: Floats, k: int, excluded: Ids | None
) -> tuple[Ids, Floats]:
    # One more than k of each group is enough, the lowest ids: one of them may be the excluded row.
    counts = np.minimum(np.diff(groups.starts)[near], k + 1)  # [b, g]
    enough = np.argmax(np.cumsum(counts, axis=1) >= k + (excluded is not None), axis=1)  # [b]
    counts[similarities < np.take_along_axis(similarities, enough[:, None], axis=1)] = 0
    query = np.repeat(np.arange(len(near)), counts.sum(axis=1))
    ids = groups.members[_ranges(groups.starts[near].ravel(), counts.ravel())]
    values = np.repeat(similarities.ravel(), counts.ravel())
    if excluded is not None:
        keep = ids != excluded[query]
        query, ids, values = query[keep], ids[keep], values[keep]
    order = np.lexsort((ids, -values, query))
    first = np.searchsorted(query, np.arange(len(near)))  # each query's first place in that order
    best = order[first[:, None] + np.arange(k)]
    return ids[best], values[best]


def pairs_of_members(groups: RowGroups, chosen: Ids) -> tuple[Ids, Ids]:
    """All members of the chosen groups [m], one group after the other, and for each the place in `chosen`."""
    counts = np.diff(groups.starts)[chosen]
    return np.repeat(np.arange(len(chosen)), counts), groups.members[_ranges(groups.starts[chosen], counts)]


def _ranges(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> Ids:
    """start, start + 1, ... (count of them) for each pair, one after the other."""
    ends = np.cumsum(counts)
    ids: Ids = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - counts), counts)
    return ids
