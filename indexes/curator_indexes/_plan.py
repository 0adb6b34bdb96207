"""How to search: exactly, or through inverted lists that reach the wanted recall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from curator_indexes._device import DEVICE_ROWS, DeviceSearch, find_device
from curator_indexes._effort import exact_sample, least_effort
from curator_indexes._exact import QUERY_ROWS, exact_search
from curator_indexes._lists import Encode, InvertedLists, build_lists
from curator_indexes._needs import Effort
from curator_indexes._rows import Floats, Ids, Rows
from curator_indexes.errors import VectorError

# Distinct rows. Both ways take as long at 10,000 to 25,000 rows (384 to 128 dimensions, k = 20 and 50).
EXACT_BELOW = 20_000
DEVICE_FROM, DEVICE_EXACT_BELOW = 5_000, 200_000  # fewer rows are searched before a GPU has been woken up
LISTED_ROWS = 4096  # searched through lists at once: their products with the centroids are small
NO_EFFORT = Effort(0, 0)
_ROUNDING = np.float32(1e-6)


@dataclass(frozen=True, eq=False)
class Plan:
    """A way to search a set of rows.

    Attributes:
        rows: to be searched, distinct.
        lists: the inverted lists to look into; None for an exact search.
        effort: how many of them, and how many candidates to compare.
        device: the GPU's search, for an exact one; None for the CPU's.

    """

    rows: Rows
    lists: InvertedLists | None = None
    effort: Effort = NO_EFFORT
    device: DeviceSearch | None = None

    @classmethod
    def exact(cls, rows: Rows) -> Plan:
        """An exact search, on a GPU where there is one and the rows are worth it."""
        device = find_device() if len(rows) >= DEVICE_FROM else None
        return cls(rows, device=None if device is None else DeviceSearch(rows, device))

    @property
    def queries_at_once(self) -> int:
        """How many queries a call of `search` is best given."""
        if self.lists is not None:
            return LISTED_ROWS
        return QUERY_ROWS if self.device is None else DEVICE_ROWS

    @property
    def method(self) -> str:
        """The way's name, as graphs and indexes report it."""
        return "exact" if self.lists is None else "inverted lists"

    def order(self) -> Ids:
        """All rows in the order in which to search for the neighbours of each."""
        return np.arange(len(self.rows)) if self.lists is None else self.lists.rows_by_list()

    def search(self, queries: Floats, m: int) -> Ids:
        """At least m candidates for each query; to be called inside a worker thread."""
        if self.device is not None:
            return self.device(queries, m)
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
    encode: Encode | None = None,
) -> Plan:
    """Choose the cheapest way that finds `recall` of the k nearest other rows; rows must be distinct.

    `lists` of these rows, where there are some already, are used instead of new ones, which `encode` fills.

    Raises:
        VectorError: recall is outside (0, 1].

    """
    if not 0 < recall <= 1:
        raise VectorError(f"recall is {recall!r}: wanted a number above 0 and at most 1")
    if recall == 1 or len(rows) < EXACT_BELOW:
        return Plan.exact(rows)
    if len(rows) < DEVICE_EXACT_BELOW and find_device() is not None:
        return Plan.exact(rows)
    lists = lists or build_lists(rows, seed, encode)
    effort = least_effort(rows, lists, exact_sample(rows, k, seed, stream=0), recall, mirrored=mirrored)
    return Plan.exact(rows) if effort is None else Plan(rows, lists, effort)


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
