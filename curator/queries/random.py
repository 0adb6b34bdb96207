"""Images drawn at random: the yardstick, and the only choice from which accuracy can be estimated fairly."""

from __future__ import annotations

from curator.queries._pool import Picks, Pool, highest


def random(pool: Pool, budget: int) -> Picks:
    """Draw images at random; the score is the number drawn for each."""
    draws = pool.rng.random(len(pool.candidates))
    best = highest(draws, budget)
    return Picks(pool.candidates[best], draws[best], ["drawn at random"] * budget)
