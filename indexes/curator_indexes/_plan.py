"""How to search: exactly, or through inverted lists that reach the wanted recall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from curator_indexes._effort import exact_sample, least_effort
from curator_indexes._exact import exact_search
from curator_indexes._lists import InvertedLists, build_lists
from curator_indexes._needs import Effort
from curator_indexes._rows import Floats, Ids, Rows
from curator_indexes.errors import VectorError

# Distinct rows. Both ways take as long at 10,000 to 25,000 rows (384 to 128 dimensions, k = 20 and 50).
EXACT_BELOW = 20_000
NO_EFFORT = Effort(0, 0)
_ROUNDING = np.float32(1e-6)


@dataclass(frozen=True, eq=False)
class Plan:
    """A way to search a set of rows.

    Attributes:
        rows: to be searched, distinct.
        lists: the inverted lists to look into; None for an exact search.
        effort: how many of them, and how many candidates to compare.

    """

    rows: Rows
    lists: InvertedLists | None = None
    effort: Effort = NO_EFFORT

    @property
    def method(self) -> str:
        """The way's name, as graphs and indexes report it."""
        return "exact" if self.lists is None else "inverted lists"

    def order(self) -> Ids:
        """All rows in the order in which to search for the neighbours of each."""
        return np.arange(len(self.rows)) if self.lists is None else self.lists.rows_by_list()

    def search(self, queries: Floats, m: int) -> Ids:
        """At least m candidates for each query; to be called inside a worker thread."""
        if self.lists is None:
            return exact_search(self.rows, queries, m)
        return self.lists.search(queries, max(m, self.effort.candidates), self.effort.probes)


def plan_search(
    rows: Rows,
    k: int,
    *,
    seed: int,
    recall: float,
    mirrored: bool = False,
    lists: InvertedLists | None = None,
) -> Plan:
    """Choose the cheapest way that finds `recall` of the k nearest other rows; rows must be distinct.

    `lists` of these rows, where there are some already, are used instead of new ones.

    Raises:
        VectorError: recall is outside (0, 1].

    """
    if not 0 < recall <= 1:
        raise VectorError(f"recall is {recall!r}: wanted a number above 0 and at most 1")
    if recall == 1 or len(rows) < EXACT_BELOW:
        return Plan(rows)
    lists = lists or build_lists(rows, seed)
    effort = least_effort(rows, lists, exact_sample(rows, k, seed, stream=0), recall, mirrored=mirrored)
    return Plan(rows) if effort is None else Plan(rows, lists, effort)


def reached_recall(plan: Plan, neighbors: Callable[[Ids], tuple[Ids, Floats]], k: int, seed: int) -> float:
    """The recall of a finished graph: 1 where the search was exact, else that of a sample.

    The sample is not the one on which the effort was chosen. Neighbours as near as the true k-th are found.

    Args:
        plan: by which the graph was made.
        neighbors: gives ids and similarities [b, k] of distinct rows [b].
        k: how many there are.
        seed: of the sample.

    """
    if plan.lists is None:
        return 1.0
    sample = exact_sample(plan.rows, k, seed, stream=1)
    found = neighbors(sample.chosen)[1]
    return float((found >= sample.similarities[:, -1:] - _ROUNDING).mean())
