"""Images that stand for many others whose class is in doubt."""

from __future__ import annotations

import numpy as np

from curator.queries._greedy import cosines, greedy_cover
from curator.queries._pool import Picks, Pool, between
from curator.queries.herding import represents
from curator.queries.margin import gap


def uncertainty_herding(pool: Pool, budget: int) -> Picks:
    """Greedy coverage in which an image counts by how unsure its class is, 1 - margin.

    UHerding (Bae, Sutherland and Oliveira, "Uncertainty Herding", ICLR 2025), on the graph. It asks for
    uncertain images as margin does, but for those that settle the most others.
    """
    doubt = np.where(pool.labels < 0, 1.0 - gap(pool.everyones).astype(np.float64), 0.0)
    cover = greedy_cover(pool, cosines(pool.graph), doubt, budget)
    torn = between(pool.everyones[cover.ids])
    reasons = [f"{text}; {represents(int(n))}" for text, n in zip(torn, cover.represented, strict=True)]
    return Picks(cover.ids, cover.gains, reasons)
