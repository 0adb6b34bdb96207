"""How to search: exactly, or through inverted lists that reach the wanted recall."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from curator_indexes._exact import exact_search
from curator_indexes._lists import InvertedLists, build_lists, fewest_probes
from curator_indexes._neighbors import Found, nearest_others
from curator_indexes._ranking import Search
from curator_indexes._rows import Floats, Ids, Rows
from curator_indexes.errors import VectorError

# Distinct rows. At 128 and 384 dimensions, k = 50 and recall 0.98, both ways cost the same between 16,000 and
# 33,000 rows; at 50,000 lists take 60-80 % of the exact time.
EXACT_BELOW = 32_768
_TUNING_ROWS = 512
_REPORT_ROWS = 512
_ROUNDING = np.float32(1e-6)


@dataclass(frozen=True, eq=False)
class Plan:
    """A way to search a set of rows.

    Attributes:
        search: finds candidates; to be called inside a worker thread.
        lists: the inverted lists it looks into; None for an exact search.
        probes: how many of them.

    """

    search: Search
    lists: InvertedLists | None = None
    probes: int = 0

    @property
    def method(self) -> str:
        """The way's name, as graphs and indexes report it."""
        return "exact" if self.lists is None else "inverted lists"


def plan_search(rows: Rows, k: int, *, seed: int, recall: float) -> Plan:
    """Choose the cheapest way that finds `recall` of the k nearest other rows; rows must be distinct.

    Raises:
        VectorError: recall is outside (0, 1].

    """
    if not 0 < recall <= 1:
        raise VectorError(f"recall is {recall!r}: wanted a number above 0 and at most 1")
    exact = Plan(partial(exact_search, rows))
    if recall == 1 or len(rows) < EXACT_BELOW:
        return exact
    lists = build_lists(rows, seed)
    probes = _tune(rows, lists, k, seed, recall)
    return exact if probes is None else Plan(probing(lists, probes), lists, probes)


def probing(lists: InvertedLists, probes: int) -> Search:
    """A search of that many lists."""
    return lambda queries, m: lists.search(queries, m, probes)[0]


def _tune(rows: Rows, lists: InvertedLists, k: int, seed: int, recall: float) -> int | None:
    chosen = _sample(len(rows), _TUNING_ROWS, seed, stream=0)
    truth = nearest_others(rows, chosen, partial(exact_search, rows), k)

    def cautious_recall(probes: int) -> float:
        """The sample's recall less two standard errors: a sample that happened to be easy must not decide."""
        share = _shares(nearest_others(rows, chosen, probing(lists, probes), k)[1], truth[1])
        return float(share.mean() - 2 * share.std() / len(share) ** 0.5)

    return fewest_probes(lists.count, cautious_recall, recall)


def sampled_recall(rows: Rows, found: Found, seed: int) -> float:
    """The recall of a finished graph, on a sample that no choice was made on."""
    chosen = _sample(len(rows), _REPORT_ROWS, seed, stream=1)
    k = found[0].shape[1]
    truth = nearest_others(rows, chosen, partial(exact_search, rows), k)
    return float(_shares(found[1][chosen], truth[1]).mean())


def _shares(found: Floats, truth: Floats) -> NDArray[np.float64]:
    """Share of each row's neighbours that are as near as the true k-th: equally near ones count as found."""
    share: NDArray[np.float64] = (found >= truth[:, -1:] - _ROUNDING).mean(axis=1)
    return share


def _sample(n: int, size: int, seed: int, stream: int) -> Ids:
    chosen: Ids = np.random.default_rng([seed, stream]).choice(n, min(n, size), replace=False)
    return np.sort(chosen)
