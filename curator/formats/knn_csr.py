"""The kNN graph as a sparse matrix of cosine distances, as cleanlab's Datalab takes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from curator.formats.dataset import GRAPH, Dataset, Format, Options
from curator_indexes.files import atomic_path


def write(out: Path, dataset: Dataset, _options: Options) -> None:
    """A .npz that `scipy.sparse.load_npz` reads: [n, n], nearest first, rows in the order of the paths."""
    from scipy import sparse

    n, k = dataset.neighbors.shape
    distances = np.maximum(1 - dataset.similarities, 0).ravel()
    matrix = sparse.csr_matrix(
        (distances, dataset.neighbors.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n)
    )
    with atomic_path(out) as temporary, temporary.open("wb") as file:
        sparse.save_npz(file, matrix)


FORMAT = Format("knn-graph", "The kNN graph as a sparse matrix, .npz.", write=write, needs=frozenset({GRAPH}))
