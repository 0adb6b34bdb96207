"""Leading singular vectors of large tables, by random projections."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

OVERSAMPLING = 40  # extra directions that make the randomised decomposition exact in practice

Table = NDArray[np.float32] | sparse.csr_array


def right_singular_vectors(
    table: Table, count: int, passes: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Leading right singular vectors [d, count] of a table [n, d], by subspace iteration.

    Halko, Martinsson and Tropp 2011 (arXiv 0909.4061), algorithm 4.4. Fewer where the table has fewer.
    """
    width = min(count + OVERSAMPLING, *table.shape)
    basis = rng.normal(size=(table.shape[1], width)).astype(np.float32)
    for _ in range(passes + 1):
        basis, _ = np.linalg.qr(table.T @ (table @ basis))
    projected = (table @ basis).astype(np.float64)
    _, turn = np.linalg.eigh(projected.T @ projected)
    vectors: NDArray[np.float64] = basis @ turn[:, ::-1][:, :count]
    return vectors
