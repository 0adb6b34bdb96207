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
    from scipy.sparse import csr_array

    m, n = matrix.shape
    if m <= _BLOCK_ROWS:
        return np.asarray(matrix @ dense, np.float32)
    result = np.empty((m, dense.shape[1]), np.float32)

    def work(low: int, high: int) -> None:
        start, end = matrix.indptr[low], matrix.indptr[high]
        content = matrix.data[start:end], matrix.indices[start:end], matrix.indptr[low : high + 1] - start
        result[low:high] = csr_array(content, shape=(high - low, n)) @ dense

    for_each_block(work, m, _BLOCK_ROWS)
    return result
