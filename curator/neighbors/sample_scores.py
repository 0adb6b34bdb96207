"""How unusual, how typical and how hard each image is, in [0, 1]; under the names that other tools use."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from curator._arrays import Floats, GraphLike, checked_graph

__all__ = ["hardness", "representativeness", "uniqueness"]

_NEAREST = np.array([0.6, 0.3, 0.1])  # weights of the three nearest, as in FiftyOne Brain's uniqueness


def hardness(probabilities: npt.NDArray[Any]) -> Floats:
    """Entropy of each row of class probabilities [n, C], over that of not knowing at all: float32 [n]."""
    shares = np.asarray(probabilities, np.float64)
    if shares.shape[1] < 2:
        return np.zeros(len(shares), np.float32)
    entropy = -(shares * np.log(np.maximum(shares, 1e-12))).sum(axis=1)
    return np.asarray(np.abs(entropy) / np.log(shares.shape[1]), np.float32).clip(0, 1)


def uniqueness(graph: GraphLike) -> Floats:
    """Weighed distance to the three nearest, over the largest there is: float32 [n]."""
    distances = 1 - checked_graph(graph).similarities[:, : len(_NEAREST)]
    weights = _NEAREST[: distances.shape[1]]
    return _over_largest(distances @ (weights / weights.sum()))


def representativeness(graph: GraphLike) -> Floats:
    """Inverse mean distance to all neighbours (typicality), over the largest there is: float32 [n]."""
    mean = (1 - checked_graph(graph).similarities).mean(axis=1)
    return _over_largest(1 / np.maximum(mean, 1e-3))  # copies of each other are not infinitely typical


def _over_largest(values: npt.NDArray[Any]) -> Floats:
    positive = np.maximum(values, 0)
    return np.asarray(positive / max(float(positive.max(initial=0)), 1e-12), np.float32)
