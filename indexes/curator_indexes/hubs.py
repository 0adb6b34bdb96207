"""Hubs: rows that stand among the neighbours of many others."""

from __future__ import annotations

import numpy as np

from curator_indexes.errors import VectorError
from curator_indexes.graph import KnnGraph


def hubness(graph: KnnGraph, *, k: int = 10) -> float:
    """How unequally rows are others' neighbours: the skewness of the k-occurrences (Radovanović, JMLR 2010).

    Near 0 where rows are chosen alike; above about 1.5 a few hubs stand in many lists, and votes and
    propagation listen to them too much: `reduce_hubness` or "local_scale" and "mutual" affinities help.

    Args:
        graph: the kNN graph.
        k: how many neighbours of each row count; all there are if they are fewer.

    Returns:
        The third standardised moment; 0 where all rows occur equally often.

    """
    near = graph.prefix(k).neighbors
    occurrences = np.bincount(near.ravel(), minlength=graph.n).astype(np.float64)
    centered = occurrences - occurrences.mean() if graph.n else occurrences
    spread = np.sqrt((centered**2).mean()) if graph.n else 0.0
    return float((centered**3).mean() / spread**3) if spread > 0 else 0.0


def reduce_hubness(graph: KnnGraph, k: int, *, local: int = 10) -> KnnGraph:
    """The graph of the k neighbours of each row that are near to it and not near to everything.

    Of each row's neighbours those k are kept that are best by cross-domain similarity local scaling, CSLS(i,
    j) = 2 cos_ij - r_i - r_j, r_j the mean similarity of j to its nearest rows (Conneau et al., "Word
    Translation Without Parallel Data", ICLR 2018, section 2.3). Similarities remain cosines.

    Args:
        graph: with more neighbours than are wanted; two or three times as many leave something to choose.
        k: how many to keep, below the graph's own k.
        local: how many nearest rows r is taken over.

    Raises:
        VectorError: k or local is below 1, or k is not below the graph's.

    """
    if not 1 <= k < graph.k:
        raise VectorError(f"k is {k}: wanted 1 to {graph.k - 1}, as the graph has {graph.k} neighbours a row")
    density = np.asarray(graph.prefix(local).similarities).mean(axis=1, dtype=np.float64)  # r, [n]
    scaled = 2 * np.asarray(graph.similarities) - density[graph.neighbors]  # r_i shifts a whole row
    kept = np.sort(np.argsort(-scaled, axis=1, kind="stable")[:, :k], axis=1)  # in the order of their cosines
    neighbors = np.take_along_axis(np.asarray(graph.neighbors), kept, axis=1)
    similarities = np.take_along_axis(np.asarray(graph.similarities), kept, axis=1)
    return KnnGraph(neighbors, similarities, graph.recall, graph.method)
