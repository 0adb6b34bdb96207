"""Label propagation as the paper has it: a few steps of a random walk, given labels held in place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curator._arrays import Floats, GraphLike, checked_graph, checked_labels
from curator.errors import CuratorError
from curator_indexes import product

__all__ = ["propagate_clamped"]


def propagate_clamped(
    graph: GraphLike,
    labels: npt.ArrayLike,
    *,
    n_classes: int | None = None,
    k: int = 10,
    temperature: float = 0.01,
    steps: int = 20,
) -> Floats:
    """Spread labels by Y <- P Y, labelled rows reset at each step (Bai et al., arXiv 2111.10932, section 3).

    P holds exp(cos_ij / T) for the k nearest neighbours j of i, rows divided by their sums. The paper names
    neither k, T nor the number of steps; the defaults are those of its re-implementation. Few steps keep the
    walk from forgetting where it began: run to the end, it is the harmonic function of Zhu, Ghahramani and
    Lafferty (ICML 2003), which fails with few labels. `propagate` is more accurate; this is for comparison.

    Args:
        graph: a kNN graph.
        labels: int [n], -1 where unlabelled.
        n_classes: how many classes; None for the largest label + 1.
        k: use only the k nearest neighbours.
        temperature: T, above 0.
        steps: how many, at least 1.

    Returns:
        Class probabilities, float32 [n, C]: rows sum to 1, or are 0 where no label has arrived.

    Raises:
        CuratorError: a graph or labels that cannot be used, k or steps below 1, temperature not above 0.

    """
    from scipy.sparse import csr_array

    checked = checked_graph(graph)
    given, classes = checked_labels(labels, checked.n, n_classes)
    if k < 1 or steps < 1 or not temperature > 0:
        values = f"k is {k!r}, steps is {steps!r}, temperature is {temperature!r}"
        raise CuratorError(f"{values}: wanted k and steps of at least 1, and a temperature above 0")
    near = checked.prefix(k)
    weights = np.exp((near.similarities - near.similarities[:, :1]) / np.float32(temperature))
    weights /= weights.sum(axis=1, keepdims=True)
    starts = np.arange(0, near.n * near.k + 1, near.k)
    walk = csr_array((weights.ravel(), near.neighbors.flatten(), starts), shape=(near.n, near.n))
    rows = np.flatnonzero(given >= 0)
    held = np.eye(classes, dtype=np.float32)[given[rows]]
    spread = np.zeros((near.n, classes), np.float32)
    spread[rows] = held
    for _ in range(steps):
        spread = product(walk, spread)
        spread[rows] = held
    total = spread.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(spread, total, out=np.zeros_like(spread), where=total > 0)
    return shares
