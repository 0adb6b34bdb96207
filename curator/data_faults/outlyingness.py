"""Images that are far from all others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curator._arrays import GraphLike, Ids, Reals, checked_embeddings, checked_graph
from curator.data_faults._evened import distances, evened
from curator.errors import CuratorError
from curator.neighbors.bursts import groups_and_outsiders
from curator.neighbors.votes import places

__all__ = ["Outliers", "find_outliers"]

_BLOCK_ROWS = 1 << 15
_LEAST = 1e-4  # the rounding of float16 embeddings: smaller distances are all alike
_SPREAD = (0.5, 0.9)  # quantiles between which ordinary images lie, as long as under a tenth are none


@dataclass(frozen=True, eq=False)
class Outliers:
    """How far each image lies from the others.

    Attributes:
        score: float64 [n] between 0 and 1, the higher the farther: the share of ordinary images that are less
            strange, were their strangeness a normal distribution.
        strangeness: what images are ranked by, float64 [n]: the root of the product of the root of `ratio`
            and of how far the image is from its neighbours once all directions of the embeddings vary alike,
            1 for the median image; without embeddings, `ratio`. NaN where that is.
        ratio: how many times as far an image is from its neighbours as these are from theirs, float64 [n];
            NaN where it has none but its own near duplicates.
        issues: bool [n], images too far to be ordinary ones.
        false_share: the share of false ones among the issues that was allowed for.

    """

    score: Reals
    strangeness: Reals
    ratio: Reals
    issues: npt.NDArray[np.bool_]
    false_share: float


def find_outliers(
    graph: GraphLike, *, embeddings: npt.NDArray[Any] | None = None, false_share: float = 0.1
) -> Outliers:
    """Score every image by how far it is from its neighbours, as they are from theirs, and as all are.

    Two distances to the same neighbours. The ratio of mean distances over all neighbours in the graph, a
    local outlier factor without reachability (Breunig et al., "LOF", SIGMOD 2000; Schubert, Zimek and
    Kriegel, "Local outlier detection reconsidered", DMKD 28, 2014). The mean distance alone, as cleanlab
    takes it, ranks what lies in a dense region lowest,
    and encoders put all plain pictures close together. Near duplicates of an image are no neighbours of it,
    and those of one another are one neighbour: copies of an outlier would hide one another, and a burst would
    make all images around it look far away.

    With embeddings, also the mean distance after all directions were made to vary alike: what sets a stranger
    apart from all images is seldom what tells these apart. The two are multiplied.

    The threshold: a normal distribution is fitted to the values between their median and 90 % quantile,
    which under a tenth of outliers hardly moves. Images beyond it are issues such that `false_share` of them
    is expected to be ordinary (Benjamini and Hochberg, JRSS B 57, 1995). That is strict: images may be the
    farthest of all without being improbable.

    Args:
        graph: a kNN graph.
        embeddings: float [n, d], which make the ranking much better; with them, too, members of large bursts
            are compared with images outside.
        false_share: the share of false ones to allow for, between 0 and 1.

    Raises:
        CuratorError: a graph or embeddings that cannot be used, a share outside (0, 1).

    """
    if not 0 < false_share < 1:
        raise CuratorError(f"false_share is {false_share!r}: wanted a share between 0 and 1")
    checked = checked_graph(graph)
    vectors = None if embeddings is None else checked_embeddings(embeddings, checked.n)
    groups, outsiders = groups_and_outsiders(checked, np.full(checked.n, -1), vectors)
    near, weights = outsiders.neighbors, _weights(groups, outsiders.neighbors)
    mean = _means(lambda part: np.maximum(1 - outsiders.similarities[part].astype(np.float64), 0), weights)
    unknown, known = np.isnan(mean), np.nan_to_num(mean)
    weights_known = weights if not unknown.any() else weights * ~unknown[near]
    around = _means(lambda part: known[near[part]], weights_known)
    ratio = mean / np.maximum(around, _LEAST)
    strangeness = ratio
    if vectors is not None and checked.n > 1:
        even, own = evened(vectors), np.arange(checked.n)
        usual = _usual(_means(lambda part: distances(even, own[part], near[part]), weights))
        strangeness = np.sqrt(np.sqrt(ratio) * usual)  # the outer root: nearer to a normal distribution
    probability = _beyond(strangeness)
    issues = _unlikely(probability, false_share)
    return Outliers(1 - probability, strangeness, ratio, issues, false_share)


def _weights(groups: Ids, neighbors: npt.NDArray[np.integer[Any]]) -> Reals:
    """How much each neighbour counts, float64 [n, k]: members of one group together as one, own ones not."""
    n, k = neighbors.shape
    weights = np.empty((n, k))
    for low in range(0, n, _BLOCK_ROWS):
        part = slice(low, low + _BLOCK_ROWS)
        near = groups[neighbors[part]]
        weights[part] = places(near, near != groups[part, None], k)
    return weights


def _means(values: Callable[[slice], Reals], weights: Reals) -> Reals:
    """Weighted mean of the values [b, k] of each block of rows, float64 [n]; NaN where all weights are 0."""
    means = np.full(len(weights), np.nan)
    for low in range(0, len(weights), _BLOCK_ROWS):
        part = slice(low, low + _BLOCK_ROWS)
        total = weights[part].sum(axis=1)
        np.divide((values(part) * weights[part]).sum(axis=1), total, out=means[part], where=total > 0)
    return means


def _usual(distances: Reals) -> Reals:
    """Distances [n] over their median."""
    known = distances[~np.isnan(distances)]
    return distances / max(float(np.median(known)) if len(known) else 1.0, _LEAST)


def _beyond(values: Reals) -> Reals:
    """The chance of an ordinary row to have such a value or a larger one, [n]; 1 where it has none."""
    from scipy.stats import norm

    known = values[~np.isnan(values)]
    if not len(known):
        return np.ones(len(values))
    middle, high = np.quantile(known, _SPREAD)
    spread = max(float(high - middle) / float(norm.ppf(_SPREAD[1])), 1e-6)
    return np.asarray(np.nan_to_num(norm.sf((values - middle) / spread), nan=1.0), np.float64)


def _unlikely(probability: Reals, false_share: float) -> npt.NDArray[np.bool_]:
    """Which rows to list so that `false_share` of them is expected to be ordinary."""
    ordered = np.sort(probability)
    passing = ordered <= false_share * np.arange(1, len(ordered) + 1) / max(len(ordered), 1)
    limit = ordered[passing].max(initial=-1)
    return np.asarray(probability <= limit)
