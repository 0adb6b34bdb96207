"""Kernels: the weight of each edge of a kNN graph, float32 [n, k]. Sources are named in `affinity`."""

from __future__ import annotations

import numpy as np

from curator_indexes._rows import Floats
from curator_indexes.graph import KnnGraph

_LARGEST_SIGMA, _LEAST_SIGMA, _BISECTIONS = 1e3, 1e-9, 64
_SCALE_NEIGHBOR = 7  # the value Zelnik-Manor and Perona use


def cosine_power(graph: KnnGraph, gamma: float) -> Floats:
    """max(cos, 0)^gamma."""
    return np.maximum(graph.similarities, 0) ** np.float32(gamma)


def exponential(graph: KnnGraph, temperature: float) -> Floats:
    """exp((cos - the row's largest cos) / T): without the shift, exp(1 / 0.01) overflows float32."""
    shifted = graph.similarities - graph.similarities[:, :1]
    weights: Floats = np.exp(shifted / np.float32(temperature))
    return weights


def local_scale(graph: KnnGraph) -> Floats:
    """exp(-d_ij^2 / (s_i s_j)); a row with seven or more copies has s = 0: weight 1 to them, 0 to others."""
    squared = np.maximum(2 - 2 * graph.similarities, 0)  # [n, k]
    scale = (
        np.sqrt(squared[:, min(_SCALE_NEIGHBOR, graph.k) - 1]) if graph.k else np.zeros(graph.n, np.float32)
    )
    product = scale[:, None] * scale[graph.neighbors]  # [n, k]
    ratio = np.divide(
        squared, product, out=np.where(squared > 0, np.inf, 0).astype(np.float32), where=product > 0
    )
    return np.exp(-ratio)


def fuzzy(graph: KnnGraph) -> Floats:
    """exp(-(d - rho) / sigma), each row's sigma found by bisection; rows of copies alone weigh 1."""
    distance = np.maximum(1 - graph.similarities.astype(np.float64), 0)  # [n, k]
    if not distance.size:
        return distance.astype(np.float32)
    nearest = np.where(distance > 0, distance, np.inf).min(axis=1, keepdims=True)  # [n, 1]
    beyond = np.maximum(distance - np.where(np.isfinite(nearest), nearest, 0), 0)
    wanted = np.log2(max(graph.k, 2))
    low, high = np.zeros((graph.n, 1)), np.full((graph.n, 1), _LARGEST_SIGMA)
    for _ in range(_BISECTIONS):
        sigma = (low + high) / 2
        too_wide = np.exp(-beyond / sigma).sum(axis=1, keepdims=True) > wanted
        low, high = np.where(too_wide, low, sigma), np.where(too_wide, sigma, high)
    weights: Floats = np.exp(-beyond / np.maximum(high, _LEAST_SIGMA)).astype(np.float32)
    return weights
