"""A map of all images: each in the plane, near those that it is near to in the graph."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from curator._arrays import Floats, GraphLike, checked_embeddings, checked_graph
from curator.errors import CuratorError

__all__ = ["layout", "place"]

NEIGHBORS = 15
_MIN_DIST = 0.1  # UMAP's default
_FEWEST = 4  # rows that UMAP can lay out
_SAMPLED = 50_000  # rows that the first axes are found on


def layout(
    graph: GraphLike, *, embeddings: npt.NDArray[Any] | None = None, epochs: int | None = None, seed: int = 0
) -> Floats:
    """Lay the rows of a graph out in the plane by UMAP (McInnes, Healy, Melville, arXiv 1802.03426).

    The graph is the one at hand, so no neighbours are searched for. It starts from the first two principal
    components of the embeddings, which cost little at any size and keep the large shape of the data; from
    random places where there are none. Epochs fall with the number of rows: see `epochs_for`.

    Args:
        graph: a kNN graph.
        embeddings: float [n, d], those of the graph; None to start at random.
        epochs: of the optimisation; None to go by the number of rows.
        seed: the same seed gives the same map.

    Returns:
        Places float32 [n, 2], centred, the larger side from -1 to 1.

    Raises:
        CuratorError: a graph or embeddings that cannot be used, epochs below 1.

    """
    checked = checked_graph(graph)
    if epochs is not None and epochs < 1:
        raise CuratorError(f"epochs is {epochs}: wanted at least 1")
    rng = np.random.default_rng(seed)
    start = _start(checked.n, embeddings, rng)
    if checked.n <= _FEWEST:
        return _normalised(start)
    near = checked.prefix(NEIGHBORS - 1)
    rounds = epochs_for(checked.n) if epochs is None else epochs
    return _normalised(_optimised(near.neighbors, near.similarities, start, rounds, seed))


def epochs_for(n: int) -> int:
    """Epochs of the optimisation for n rows: 500 up to 10,000 rows, 200 up to 100,000, fewer beyond.

    From a start that has the large shape already, later epochs only tidy; at 1,000,000 rows 60 are made.
    """
    if n <= 10_000:
        return 500
    return 200 if n <= 100_000 else max(60, round(200 * (100_000 / n) ** 0.5))


def place(graph: GraphLike, known: npt.NDArray[np.floating[Any]]) -> Floats:
    """Put rows that have no place yet (NaN) amid their neighbours; those that have one do not move.

    Args:
        graph: a kNN graph.
        known: places float [n, 2], NaN where there is none yet.

    Returns:
        Places float32 [n, 2]: the mean of placed neighbours weighed by similarity, from row to row as they
        are reached; the middle of the map for what no placed row leads to.

    """
    checked = checked_graph(graph)
    placed = np.array(known, np.float32)
    if placed.shape != (checked.n, 2):
        raise CuratorError(f"known places have shape {placed.shape}: wanted ({checked.n}, 2)")
    waiting = np.flatnonzero(np.isnan(placed).any(axis=1))
    while len(waiting):
        near = checked.neighbors[waiting]
        weights = np.maximum(checked.similarities[waiting], 1e-3) * ~np.isnan(placed[near, 0])
        total = weights.sum(axis=1)
        reached = total > 0
        if not reached.any():
            placed[waiting] = np.nan_to_num(np.nanmean(placed, axis=0)) if len(waiting) < checked.n else 0
            break
        shares = weights[reached] / total[reached, None]
        placed[waiting[reached]] = np.einsum("mk,mkc->mc", shares, np.nan_to_num(placed[near[reached]]))
        waiting = waiting[~reached]
    return placed


def _start(n: int, embeddings: npt.NDArray[Any] | None, rng: np.random.Generator) -> Floats:
    """Two principal components with a little noise, or random places: float32 [n, 2], 20 units wide."""
    if embeddings is None or n <= _FEWEST:
        return np.asarray(rng.uniform(-10, 10, (n, 2)), np.float32)
    vectors = checked_embeddings(embeddings, n)
    sample = vectors[np.sort(rng.permutation(n)[:_SAMPLED])]
    middle = sample.mean(axis=0)
    _, axes = np.linalg.eigh(np.cov(sample - middle, rowvar=False))
    planar = (vectors - middle) @ axes[:, -2:].astype(np.float32)
    widest = max(float(np.abs(planar).max()), 1e-12)
    noisy = planar * (10 / widest) + rng.normal(0, 1e-4, planar.shape)
    return np.asarray(noisy, np.float32)


def _optimised(
    neighbors: npt.NDArray[np.int32], similarities: Floats, start: Floats, epochs: int, seed: int
) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)  # it misses TensorFlow, which this does not need
        warnings.filterwarnings("ignore", "IProgress not found")  # nor, in a notebook, widgets
        from umap.umap_ import find_ab_params, fuzzy_simplicial_set, simplicial_set_embedding

    n = len(neighbors)
    # UMAP's lists begin with the row itself, at distance 0.
    rows = np.concatenate([np.arange(n, dtype=np.int32)[:, None], neighbors], axis=1)
    distances = np.concatenate([np.zeros((n, 1), np.float32), np.maximum(1 - similarities, 0)], axis=1)
    random = np.random.RandomState(seed)
    weights, _, _ = fuzzy_simplicial_set(
        start, rows.shape[1], random, "cosine", knn_indices=rows, knn_dists=distances
    )
    a, b = find_ab_params(1.0, _MIN_DIST)
    places, _ = simplicial_set_embedding(
        start, weights, 2, 1.0, a, b, 1.0, 5, epochs, start, random, "cosine", {}, False, {}, False,
        parallel=False,
    )  # fmt: skip
    return np.asarray(places, np.float32)


def _normalised(places: Floats) -> Floats:
    if not len(places):
        return places
    low, high = places.min(axis=0), places.max(axis=0)
    half = max(float((high - low).max()) / 2, 1e-12)
    return np.asarray((places - (low + high) / 2) / half, np.float32)
