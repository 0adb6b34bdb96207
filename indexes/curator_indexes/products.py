"""Products of sparse matrices, on all cores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from curator_indexes._blocks import for_each_block
from curator_indexes._rows import Floats

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_BLOCK_ROWS = 1 << 14


def product(matrix: csr_array, dense: Floats) -> Floats:
    """`matrix @ dense`, the same bits on any number of threads.

    scipy multiplies in one thread, but lets others run meanwhile: so each block of rows has its own.

    Args:
        matrix: float32 [m, n].
        dense: float32 [n, c].

    Returns:
        float32 [m, c].

    """
    m = matrix.shape[0]
    if m <= _BLOCK_ROWS:
        return np.asarray(matrix @ dense, np.float32)
    result = np.empty((m, dense.shape[1]), np.float32)

    def work(low: int, high: int) -> None:
        result[low:high] = rows_of(matrix, low, high) @ dense

    for_each_block(work, m, _BLOCK_ROWS)
    return result


def rows_of(matrix: csr_array, low: int, high: int) -> csr_array:
    """Rows low to high of a sparse matrix; shares its memory, as slicing does not."""
    from scipy.sparse import csr_array

    start, end = matrix.indptr[low], matrix.indptr[high]
    content = matrix.data[start:end], matrix.indices[start:end], matrix.indptr[low : high + 1] - start
    return csr_array(content, shape=(high - low, matrix.shape[1]))
