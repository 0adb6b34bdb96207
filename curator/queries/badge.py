"""Images in doubt that differ from each other, in what they are and in what they are taken for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from curator._arrays import Floats, Ids
from curator.queries._pool import Picks, Pool, between

_DRAWS = 64  # between two looks at all rows
_BLOCK_ROWS = 1 << 14


def badge(pool: Pool, budget: int) -> Picks:
    """k-means++ on the gradients that a linear head would have, (p - one-hot of the likeliest class) outer z.

    Ash et al., "Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds" (ICLR 2020),
    algorithm 1, with the propagated probabilities as p and the embeddings as z. The score counts down from
    `budget`: the order of the draws is the ranking.
    """
    probabilities = pool.probabilities
    vectors = pool.vectors[pool.candidates]  # [m, d]
    residual = probabilities.copy()  # [m, C]
    residual[np.arange(len(residual)), probabilities.argmax(axis=1)] -= 1
    chosen = plus_plus(Products(residual, vectors), budget, pool.rng)
    torn = between(probabilities[chosen])
    reasons = [f"{text}, and unlike the others picked" for text in torn]
    return Picks(pool.candidates[chosen], np.arange(budget, 0, -1).astype(np.float64), reasons)


@dataclass(frozen=True, eq=False)
class Products:
    """Rows q outer z that are never formed: <q outer z, r outer y> = <q, r> <z, y>.

    Attributes:
        left: q, float32 [m, C].
        right: z, float32 [m, d].

    """

    left: Floats
    right: Floats

    @cached_property
    def lengths(self) -> Floats:
        """Squared lengths, float32 [m]."""
        squares = [np.einsum("ij,ij->i", side, side) for side in (self.left, self.right)]
        return np.asarray(squares[0] * squares[1])

    def distances(self, rows: Ids | slice, others: Ids) -> Floats:
        """Squared distances of `rows` [b] from `others` [c], float32 [b, c]."""
        products: Floats = self.left[rows] @ self.left[others].T
        products *= self.right[rows] @ self.right[others].T
        products *= -2
        products += self.lengths[rows][:, None]
        products += self.lengths[others]
        return np.maximum(products, 0, out=products)

    def nearest(self, others: Ids) -> Floats:
        """Squared distance of every row from the nearest of `others`, float32 [m]."""
        nearest = np.empty(len(self.left), np.float32)
        for low in range(0, len(nearest), _BLOCK_ROWS):
            part = slice(low, low + _BLOCK_ROWS)
            nearest[part] = self.distances(part, others).min(axis=1)
        nearest[others] = 0
        return nearest


def plus_plus(points: Products, budget: int, rng: np.random.Generator) -> Ids:
    """The longest row, then rows drawn by squared distance from the nearest drawn before, int64 [budget].

    Arthur and Vassilvitskii, "k-means++" (SODA 2007), section 2.2. Distances to those drawn before only
    shrink, so a row is drawn by the distance last worked out and kept with the probability of the present one
    over that: the same chances, with one look at all rows in 64 draws. Where all distances are 0, at random.
    """
    chosen = [int(points.lengths.argmax())]
    known = points.nearest(np.array(chosen))
    while len(chosen) < budget:
        sums = np.cumsum(known, dtype=np.float64)
        if not sums[-1] > 0:
            rest = np.setdiff1d(np.arange(len(known)), chosen)
            chosen += rng.permutation(rest).tolist()
            break
        draws = np.searchsorted(sums, rng.random(_DRAWS) * sums[-1], side="right")
        kept = _kept(points, known, np.minimum(draws, len(known) - 1), rng.random(_DRAWS))
        chosen += kept
        known = np.minimum(known, points.nearest(np.array(kept, np.int64))) if kept else known
    return np.array(chosen[:budget], np.int64)


def _kept(points: Products, known: Floats, draws: Ids, luck: npt.NDArray[np.float64]) -> list[int]:
    """Those of the drawn rows that are kept, each once."""
    apart = points.distances(draws, draws)  # [b, b]
    apart[draws[:, None] == draws] = 0
    kept: list[int] = []  # places among the draws
    for place, row in enumerate(draws):
        present = min([known[row], *apart[place, kept]])
        if luck[place] * known[row] < present:
            kept.append(place)
    return [int(draws[place]) for place in kept]
