"""Distances in a space where the embeddings vary alike in all directions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from curator._arrays import Reals

_FITTED = 50_000  # rows that the covariance is estimated from, evenly spaced: more would not change it
_AT_ONCE = 2**24  # numbers of differences in memory


def evened(embeddings: npt.NDArray[Any]) -> npt.NDArray[np.float16]:
    """The rows in a space in which all directions vary alike, float16 [n, d].

    Embeddings vary most along what tells the frequent kinds apart; a stranger differs along what hardly ever
    varies, which cosine similarity drowns. The covariance is shrunk (Ledoit and Wolf, J. Multivariate
    Analysis 88, 2004), since n rows of d numbers often do not determine it.
    """
    from sklearn.covariance import ledoit_wolf

    n, dim = embeddings.shape
    sample = embeddings[:: -(-n // _FITTED)].astype(np.float64)
    center = sample.mean(axis=0)
    covariance, _ = ledoit_wolf(sample - center, assume_centered=True)
    variances, axes = np.linalg.eigh(covariance)
    scale = np.where(variances > variances.max(initial=0) * 1e-12, variances, np.inf) ** -0.5
    projection = (axes * scale).astype(np.float32)  # [d, d]
    even = np.empty((n, dim), np.float16)
    size = max(1, _AT_ONCE // dim)
    for start in range(0, n, size):
        block = embeddings[start : start + size].astype(np.float32) - center.astype(np.float32)
        even[start : start + size] = (block @ projection).clip(-1e4, 1e4)  # what float16 can hold
    return even


def distances(
    rows: npt.NDArray[np.float16], own: npt.NDArray[np.integer[Any]], others: npt.NDArray[np.integer[Any]]
) -> Reals:
    """Distance of each of some rows, int [m], to others of them, int [m, k]: float64 [m, k]."""
    found = np.empty(others.shape)
    size = max(1, _AT_ONCE // max(1, others.shape[1] * rows.shape[1]))
    for start in range(0, len(own), size):
        part = slice(start, start + size)
        apart = rows[others[part]].astype(np.float32) - rows[own[part], None].astype(np.float32)  # [b, k, d]
        found[part] = np.sqrt(np.einsum("bkd,bkd->bk", apart, apart))
    return found
