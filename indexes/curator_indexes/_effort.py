"""How hard to search inverted lists: as little as reaches the wanted recall, found on a sample."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curator_indexes._exact import exact_others
from curator_indexes._lists import InvertedLists
from curator_indexes._needs import NEVER, Effort, Needs, candidates_of, list_ranks, places, worst_kept
from curator_indexes._rows import Ids, Rows, sample_ids

_SAMPLE_ROWS = 512
_STEP = 1.1  # of the ladders of probes and candidates
_FIRST_DEPTH = 16  # candidates times k that are looked at first
_BEYOND_PROBES = 0.25  # share of the allowed misses that may lie in lists beyond the most probes considered
_EASY = 4  # times the allowed misses: from there the other side can no longer make up for what is missed
# What it costs to look up a word of a row's code, to keep a row as a candidate (FAISS orders them in a heap),
# and a dimension of a candidate's comparison, or of any row's in a matrix product.
SCAN_COST, KEEP_COST, COMPARE_COST, PRODUCT_COST = 1.0, 2900, 7.5, 0.42


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows whose true neighbours are known.

    Attributes:
        chosen: their ids, int64 [s].
        neighbors: of each, int32 [s, k].
        similarities: to those, float32 [s, k].

    """

    chosen: Ids
    neighbors: NDArray[np.int32]
    similarities: NDArray[np.float32]

    @property
    def k(self) -> int:
        """How many neighbours."""
        return int(self.neighbors.shape[1])


def exact_sample(rows: Rows, k: int, seed: int, stream: int) -> Sample:
    """Search a seeded sample of the rows exactly; another `stream` gives an independent sample."""
    chosen = sample_ids(len(rows), _SAMPLE_ROWS, seed, stream)
    return Sample(chosen, *exact_others(rows, chosen, k))


def least_effort(
    rows: Rows, lists: InvertedLists, sample: Sample, recall: float, *, mirrored: bool
) -> Effort | None:
    """The cheapest effort that finds `recall` of the nearest others; None where exact search is cheaper.

    Args:
        rows: distinct rows.
        lists: of those rows.
        sample: of those rows; not the one on which the recall is reported.
        recall: wanted, in (0, 1).
        mirrored: count what `add_mirrored` will find, too.

    """
    tuning = _Tuning(rows, lists, sample, recall)
    exact = len(rows) * rows.d * PRODUCT_COST
    depth = min(_FIRST_DEPTH * sample.k, len(rows))
    while True:
        effort = tuning.cheapest(depth, mirrored)
        if effort is not None:
            return effort if tuning.cost(effort) < exact else None
        if depth == len(rows) or tuning.cost(Effort(1, depth)) >= exact:
            return None
        depth = min(4 * depth, len(rows))


class _Tuning:
    """The sample's pairs of a row and a neighbour, and the least effort that finds each."""

    def __init__(self, rows: Rows, lists: InvertedLists, sample: Sample, recall: float) -> None:
        self._rows, self._lists, self._sample, self._recall = rows, lists, sample, recall
        self._slots = np.repeat(np.arange(len(sample.chosen)), sample.k)
        self._targets = sample.neighbors.ravel().astype(np.int64)
        self._ranks = list_ranks(rows, lists, sample.chosen, self._slots, self._targets)

    def cost(self, effort: Effort) -> float:
        """What a search costs, in lookups of one word."""
        scanned = effort.probes * len(self._rows) / self._lists.count * self._lists.words
        return scanned * SCAN_COST + effort.candidates * (KEEP_COST + self._rows.d * COMPARE_COST)

    def cheapest(self, depth: int, mirrored: bool) -> Effort | None:
        """The cheapest effort with at most `depth` candidates that reaches the recall; None if none does."""
        most = Effort(_quantile(self._ranks, 1 - _BEYOND_PROBES * (1 - self._recall)), depth)
        found = candidates_of(self._rows, self._lists, self._sample.chosen, most)
        direct = Needs(self._ranks, places(found, self._slots, self._targets))
        share = max(0.0, 1 - _EASY * (1 - self._recall))
        easy = Effort(_quantile(direct.probes, share), min(_quantile(direct.candidates, share), depth))
        needs = [direct]
        if mirrored:
            needs.append(self._mirrored(~direct.met(easy), most))
        efforts = (
            self._fewest_candidates(probes, easy, most, needs) for probes in _ladder(easy.probes, most.probes)
        )
        return min((effort for effort in efforts if effort is not None), key=self.cost, default=None)

    def _fewest_candidates(
        self, probes: int, easy: Effort, most: Effort, needs: list[Needs]
    ) -> Effort | None:
        def expected(candidates: int) -> float:
            """The sample's recall less two standard errors: one that is easy by chance must not decide."""
            met = np.any([each.met(Effort(probes, candidates)) for each in needs], axis=0)
            share = met.reshape(-1, self._sample.k).mean(axis=1)
            return float(share.mean() - 2 * share.std() / len(share) ** 0.5)

        ladder = _ladder(easy.candidates, most.candidates)
        place = bisect_left(ladder, self._recall, key=expected)
        return Effort(probes, ladder[place]) if place < len(ladder) else None

    def _mirrored(self, hard: NDArray[np.bool_], most: Effort) -> Needs:
        """What it takes to find the sample's rows from those neighbours that they do not easily find."""
        rows, lists, sample = self._rows, self._lists, self._sample
        needs = Needs(np.full_like(self._ranks, NEVER), np.full_like(self._ranks, NEVER))
        others, slots = np.unique(self._targets[hard], return_inverse=True)
        found = candidates_of(rows, lists, others, most)
        mutual = sample.similarities.ravel()[hard] >= worst_kept(rows, others, found, sample.k)[slots]
        order = np.argsort(slots[mutual], kind="stable")
        pairs, slots = np.flatnonzero(hard)[mutual][order], slots[mutual][order]
        targets = sample.chosen[self._slots[pairs]]
        needs.probes[pairs] = list_ranks(rows, lists, others, slots, targets)
        needs.candidates[pairs] = places(found, slots, targets)
        return needs


def _quantile(needed: NDArray[np.int32], share: float) -> int:
    """The least effort that is enough for `share` of what is needed."""
    return int(np.quantile(needed, share, method="higher"))


def _ladder(low: int, high: int) -> list[int]:
    """From low to high in steps of a few percent."""
    steps = int(np.ceil(np.log(max(high / low, 1)) / np.log(_STEP)))
    return sorted({low, high, *(min(high, round(low * _STEP**step)) for step in range(steps))})
