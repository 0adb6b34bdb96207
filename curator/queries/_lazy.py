"""Greedy choice under diminishing gains, looking again only at gains that could have become the largest."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from curator._arrays import Ids


def lazy_greedy(
    ids: Ids,
    bounds: npt.NDArray[np.float64],
    gain: Callable[[int], float],
) -> Iterator[tuple[int, float]]:
    """Yield the id of the largest gain and that gain, again and again; ties by lower id.

    Minoux, "Accelerated Greedy Algorithms for Maximizing Submodular Set Functions" (1978): a gain never
    rises as others are chosen, so one worked out earlier bounds it. The caller makes the choice count before
    asking for the next.

    Args:
        ids: to choose from, int64 [m], ascending.
        bounds: their gains before any choice, float64 [m].
        gain: the present gain of an id, at most what it was before.

    """
    order = np.argsort(-bounds, kind="stable")
    entries = zip((-bounds[order]).tolist(), ids[order].tolist(), strict=True)
    unseen = next(entries, None)  # those never looked at again: sorted once, not a heap of all
    seen: list[tuple[float, int]] = []
    while unseen is not None or seen:
        if unseen is not None and (not seen or unseen <= seen[0]):
            row, unseen = unseen[1], next(entries, None)
        else:
            row = heapq.heappop(seen)[1]
        present = (-gain(row), row)
        others = [entry for entry in (unseen, seen[0] if seen else None) if entry is not None]
        if all(present <= other for other in others):
            yield row, -present[0]
        else:
            heapq.heappush(seen, present)
