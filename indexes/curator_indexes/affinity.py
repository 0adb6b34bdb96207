"""Weights between neighbours, from their similarities."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from curator_indexes import _kernels
from curator_indexes._blocks import for_each_block
from curator_indexes._rows import Floats
from curator_indexes.errors import VectorError
from curator_indexes.graph import KnnGraph

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_BLOCK_ROWS = 1 << 14

Kernel = Literal["cosine_power", "exponential", "local_scale", "fuzzy"]
Symmetry = Literal["union", "max", "mean", "mutual", "fuzzy_union"]


def affinity(
    graph: KnnGraph,
    *,
    k: int | None = None,
    kernel: Kernel = "cosine_power",
    gamma: float = 3.0,
    temperature: float = 0.01,
    symmetrize: Symmetry = "union",
) -> csr_array:
    """The symmetric affinity matrix W of a kNN graph.

    The defaults are those of Iscen et al., "Label Propagation for Deep Semi-supervised Learning" (CVPR
    2019): a_ij = max(cos_ij, 0)^3 for the neighbours j of i, W = A + A^T.

    Args:
        graph: the kNN graph.
        k: use only the k nearest neighbours; None for all.
        kernel: how a similarity becomes a weight:
            "cosine_power": max(cos, 0)^gamma (Iscen 2019);
            "exponential": exp((cos - the row's largest cos) / temperature) (Bai et al., arXiv 2111.10932);
            "local_scale": exp(-d_ij^2 / (s_i s_j)), d^2 = 2 - 2 cos, s_i the distance to the 7th neighbour
            (Zelnik-Manor and Perona, "Self-Tuning Spectral Clustering", NIPS 2004); it also takes weight from
            hubs (Schnitzer et al., JMLR 2012);
            "fuzzy": exp(-(d_ij - rho_i) / sigma_i), d = 1 - cos, rho_i the smallest distance above 0, sigma_i
            such that a row's weights sum to log2 k (McInnes, Healy and Melville, UMAP, arXiv 1802.03426,
            section 3.1).
        gamma: exponent of "cosine_power", above 0.
        temperature: of "exponential", above 0; the paper's re-implementation uses 0.01.
        symmetrize: how the two directions of a pair are joined: "union" A + A^T; "max" their maximum
            (LaplaceNet); "mean" half of "union"; "mutual" their minimum, so only pairs that are neighbours
            both ways; "fuzzy_union" A + A^T - A * A^T (UMAP's).

    Returns:
        float32 [n, n], symmetric, not negative, zero diagonal, indices sorted, no stored zeros.

    Raises:
        VectorError: an unknown kernel or symmetrization, or k, gamma or temperature out of range.

    """
    _check("kernel", kernel, get_args(Kernel))
    _check("symmetrize", symmetrize, get_args(Symmetry))
    for name, value in (("gamma", gamma), ("temperature", temperature)):
        if not (value > 0 and np.isfinite(value)):
            raise VectorError(f"{name} is {value!r}: wanted a finite number above 0")
    if k is not None:
        graph = graph.prefix(k)
    weigh: dict[str, Callable[[], Floats]] = {
        "cosine_power": lambda: _kernels.cosine_power(graph, gamma),
        "exponential": lambda: _kernels.exponential(graph, temperature),
        "local_scale": lambda: _kernels.local_scale(graph),
        "fuzzy": lambda: _kernels.fuzzy(graph),
    }
    return _symmetric(_directed(graph, weigh[kernel]()), symmetrize)


def _check(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise VectorError(f"{name} is {value!r}: wanted one of {', '.join(known)}")


def _directed(graph: KnnGraph, weights: Floats) -> csr_array:
    from scipy.sparse import csr_array

    # Twice as many pairs must fit, once both directions are there; int32 halves what a product reads.
    starts = np.arange(graph.n + 1) * graph.k
    if 2 * starts[-1] < np.iinfo(np.int32).max:
        starts = starts.astype(np.int32)
    # Copied, because scipy sorts in place and the graph may be a read-only map.
    content = (weights.ravel(), graph.neighbors.flatten(), starts)
    matrix = csr_array(content, shape=(graph.n, graph.n))
    matrix.sort_indices()
    return matrix


def _symmetric(directed: csr_array, symmetrize: Symmetry) -> csr_array:
    back = directed.T.tocsr()
    join: dict[str, Callable[[], csr_array]] = {
        "union": lambda: directed + back,
        "max": lambda: directed.maximum(back),
        "mean": lambda: (directed + back) * np.float32(0.5),
        "mutual": lambda: directed.minimum(back),
        "fuzzy_union": lambda: directed + back - directed.multiply(back).tocsr(),
    }
    joined = join[symmetrize]()
    joined.eliminate_zeros()
    joined.sort_indices()
    return joined


def normalized(affinities: csr_array) -> csr_array:
    """D^-1/2 W D^-1/2, D the diagonal matrix of W's row sums; a row without neighbours stays empty.

    Source: Zhou et al., "Learning with Local and Global Consistency" (NIPS 2003), step 2.

    Args:
        affinities: W, float [n, n], symmetric and not negative.

    Returns:
        float32 [n, n] with the same pattern; its eigenvalues lie in [-1, 1].

    """
    from scipy.sparse import csr_array

    degree = np.asarray(affinities.sum(axis=1, dtype=np.float64)).ravel()
    inverse_root = np.divide(1.0, np.sqrt(degree), out=np.zeros_like(degree), where=degree > 0)
    starts, data = affinities.indptr, np.empty(len(affinities.data), np.float32)

    def work(low: int, high: int) -> None:
        part = slice(starts[low], starts[high])
        row = np.repeat(inverse_root[low:high], np.diff(starts[low : high + 1]))
        data[part] = affinities.data[part] * row * inverse_root[affinities.indices[part]]

    for_each_block(work, len(degree), _BLOCK_ROWS)  # float64 for all entries would be the most memory of all
    return csr_array((data, affinities.indices, starts), shape=affinities.shape)
