"""Images that are far from all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curator._bursts import groups_and_outsiders
from curator._inputs import GraphLike, checked_graph
from curator._votes import Reals
from curator.errors import CuratorError

__all__ = ["Outliers", "find_outliers"]

_NEAREST = 10
_SPREAD = (0.5, 0.9)  # quantiles between which ordinary images lie, as long as under a tenth are none


@dataclass(frozen=True, eq=False)
class Outliers:
    """How far each image lies from the others.

    Attributes:
        score: float64 [n] between 0 and 1, the higher the farther: the share of ordinary images that lie
            nearer, were their distances a normal distribution.
        distance: mean cosine distance to the nearest other images, float64 [n].
        issues: bool [n], images too far to be ordinary ones.
        false_share: the share of false ones among the issues that was allowed for.

    """

    score: Reals
    distance: Reals
    issues: npt.NDArray[np.bool_]
    false_share: float


def find_outliers(
    graph: GraphLike, *, embeddings: npt.NDArray[Any] | None = None, false_share: float = 0.1
) -> Outliers:
    """Score every image by its mean distance to its 10 nearest others, near duplicates of its own left out.

    The mean kNN distance (Angiulli and Pizzuti, PKDD 2002) did as well as any density ratio in comparisons on
    frozen features (Kuan and Mueller, "Back to the Basics: Revisiting Out-of-Distribution Detection
    Baselines", arXiv 2207.03061). Copies of an outlier would hide one another, so they do not count.

    The threshold: a normal distribution is fitted to the distances between their median and 90 % quantile,
    which under a tenth of outliers hardly moves. Images beyond it are issues such that `false_share` of them
    is expected to be ordinary (Benjamini and Hochberg, JRSS B 57, 1995). That is strict: distances in many
    dimensions have an end, and images may be the farthest of all without being improbable.

    Args:
        graph: a kNN graph.
        embeddings: float [n, d]; with them, members of large bursts are compared with images outside.
        false_share: the share of false ones to allow for, between 0 and 1.

    Raises:
        CuratorError: a graph or embeddings that cannot be used, a share outside (0, 1).

    """
    if not 0 < false_share < 1:
        raise CuratorError(f"false_share is {false_share!r}: wanted a share between 0 and 1")
    checked = checked_graph(graph)
    groups, outsiders = groups_and_outsiders(checked, np.full(checked.n, -1), embeddings)
    others = groups[outsiders.neighbors] != groups[:, None]
    others &= np.cumsum(others, axis=1) <= _NEAREST
    distances = np.where(others, 1 - outsiders.similarities.astype(np.float64), 0)
    counts = others.sum(axis=1)
    # A row all of whose known neighbours are its copies: nothing is known of it, so nothing is said.
    mean = np.divide(distances.sum(axis=1), counts, out=np.full(checked.n, np.nan), where=counts > 0)
    probability = _beyond(mean)
    return Outliers(1 - probability, mean, _unlikely(probability, false_share), false_share)


def _beyond(distances: Reals) -> Reals:
    """The chance of an ordinary row to lie as far as each row does, [n]; 1 where that is not known."""
    from scipy.stats import norm

    known = distances[~np.isnan(distances)]
    if not len(known):
        return np.ones(len(distances))
    middle, high = np.quantile(known, _SPREAD)
    spread = max(float(high - middle) / float(norm.ppf(_SPREAD[1])), 1e-6)
    return np.asarray(np.nan_to_num(norm.sf((distances - middle) / spread), nan=1.0), np.float64)


def _unlikely(probability: Reals, false_share: float) -> npt.NDArray[np.bool_]:
    """Which rows to list so that `false_share` of them is expected to be ordinary."""
    ordered = np.sort(probability)
    passing = ordered <= false_share * np.arange(1, len(ordered) + 1) / max(len(ordered), 1)
    limit = ordered[passing].max(initial=-1)
    return np.asarray(probability <= limit)
