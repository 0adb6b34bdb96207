"""Images that stand for many others not yet stood for; needs neither labels nor embeddings."""

from __future__ import annotations

import numpy as np

from curator.queries._greedy import cosines, greedy_cover
from curator.queries._pool import Picks, Pool


def herding(pool: Pool, budget: int) -> Picks:
    """Greedy coverage of all images by those labelled and picked; the score is the gain in coverage.

    MaxHerding (Bae, Noh and Sutherland, "Generalized Coverage for More Robust Low-Budget Active Learning",
    ECCV 2024, eq. 4) with the cosine between neighbours of the graph as its kernel.
    """
    cover = greedy_cover(pool, cosines(pool.graph), np.ones(pool.graph.n), budget)
    return Picks(cover.ids, cover.gains, [represents(int(count)) for count in cover.represented])


def represents(count: int) -> str:
    """How many images a pick stands for, in words."""
    if count == 1:
        return "fills a gap between images labelled or picked before"
    return f"the best example so far of {count} unlabelled images"
