"""Images whose most probable class is least probable."""

from __future__ import annotations

import numpy as np

from curator.queries._pool import Picks, Pool, between, highest


def least_confidence(pool: Pool, budget: int) -> Picks:
    """Lowest probability of the predicted class; the score is 1 - that probability.

    Lewis and Gale, "A Sequential Algorithm for Training Text Classifiers" (SIGIR 1994).
    """
    probabilities = pool.probabilities
    scores = 1.0 - probabilities.max(axis=1).astype(np.float64)
    best = highest(scores, budget)
    return Picks(pool.candidates[best], scores[best], between(probabilities[best]))
