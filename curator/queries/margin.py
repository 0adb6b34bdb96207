"""Images that two classes claim almost equally."""

from __future__ import annotations

import numpy as np

from curator._arrays import Floats
from curator.queries._pool import Picks, Pool, between, highest


def margin(pool: Pool, budget: int) -> Picks:
    """Smallest gap between the two highest propagated probabilities; the score is 1 - gap.

    Scheffer, Decomain and Wrobel, "Active Hidden Markov Models for Information Extraction" (IDA 2001).
    """
    probabilities = pool.probabilities
    scores = 1.0 - gap(probabilities).astype(np.float64)
    best = highest(scores, budget)
    return Picks(pool.candidates[best], scores[best], between(probabilities[best]))


def gap(probabilities: Floats) -> Floats:
    """The highest probability less the second highest, float32 [b]; with one class, that class's."""
    if probabilities.shape[1] == 1:
        return probabilities[:, 0]
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    return two[:, 1] - two[:, 0]
