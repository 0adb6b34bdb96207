"""Images whose class probabilities are spread widest."""

from __future__ import annotations

import numpy as np

from curator.queries._pool import Picks, Pool, between, highest


def entropy(pool: Pool, budget: int) -> Picks:
    """Highest entropy of the propagated probabilities, -sum p log p, in nats.

    Settles, "Active Learning Literature Survey" (2009), eq. 3.
    """
    probabilities = pool.probabilities
    scores = -(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum(axis=1, dtype=np.float64)
    best = highest(scores, budget)
    return Picks(pool.candidates[best], scores[best], between(probabilities[best]))
