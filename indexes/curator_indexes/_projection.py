"""From d dimensions to the few in which the rows differ most."""

from __future__ import annotations

from typing import Any

import numpy as np

from curator_indexes._blocks import for_each_block, in_one_thread
from curator_indexes._rows import Floats, Ids, Rows, block_rows, sample_ids
from curator_indexes.runtime import load_faiss

KEPT_VARIANCE = 0.95  # 0.9 loses too many neighbours to rank them well, 0.98 makes every scan slower
_MOST_DIMENSIONS = 256
_STEP = 8  # dimensions are coded in pairs of pairs: other numbers are padded
_SAMPLE_PER_DIMENSION = 16
_SAMPLE_RANGE = (4096, 20_480)


def train_projection(rows: Rows, seed: int) -> Any:
    """A FAISS linear map on the principal components that hold most of the variance, then turned at random.

    The turn spreads the variance evenly: codes of equal length per dimension then lose least, and the eight
    bits in which FAISS adds up products are used alike by all dimensions.
    """
    size = int(np.clip(_SAMPLE_PER_DIMENSION * rows.d, *_SAMPLE_RANGE))
    sample = np.ascontiguousarray(rows.take(sample_ids(len(rows), size, seed, stream=2)))
    pca = load_faiss().PCAMatrix(rows.d, rows.d, 0, True)
    in_one_thread(lambda: _train(pca, sample))
    return pca


def _train(pca: Any, sample: Floats) -> None:
    faiss = load_faiss()
    pca.train(sample)
    variances = np.maximum(faiss.vector_to_array(pca.eigenvalues)[: pca.d_in], 0)  # largest first
    pca.d_out = _dimensions(variances)
    pca.prepare_Ab()
    pca.have_bias = False  # without it products of projections stand for products of rows


def _dimensions(variances: Floats) -> int:
    summed = np.cumsum(variances, dtype=np.float64)
    wanted = int(np.searchsorted(summed, KEPT_VARIANCE * summed[-1])) + 1
    return min(-(-wanted // _STEP) * _STEP, _MOST_DIMENSIONS, len(variances))


def project(projection: Any, block: Floats) -> Floats:
    """Rows [b, d] as [b, projected dimensions]."""
    projected: Floats = projection.apply(np.ascontiguousarray(block))
    return projected


def project_rows(rows: Rows, projection: Any, ids: Ids) -> Floats:
    """The rows with these ids projected, float32 [len(ids), projected dimensions]."""
    projected = np.empty((len(ids), projection.d_out), np.float32)

    def work(low: int, high: int) -> None:
        projected[low:high] = project(projection, rows.take(ids[low:high]))

    for_each_block(work, len(ids), block_rows(rows.d))
    return projected
