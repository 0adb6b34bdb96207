"""A place for every word: words that occur in the same images lie close together.

The sparse manifold transform (Chen et al. 2023, arXiv 2209.15261) asks for the linear map of word indicators
that varies least within an image, under unit covariance. With one word a patch this is a correspondence
analysis of the images x words table: the leading singular vectors of counts / sqrt(frequency), the first and
trivial one left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from curator.pretraining.decomposition import right_singular_vectors

Floats = NDArray[np.float32]


def count_words(words: NDArray[np.int32], total: int) -> sparse.csr_array:
    """How often each word occurs in each image: words int [n, positions] below `total` to [n, total]."""
    n, positions = words.shape
    ends = np.arange(0, n * positions + 1, positions)
    ones = np.ones(n * positions, np.float32)
    # A copy: summing duplicates sorts the indices in place.
    table = sparse.csr_array((ones, words.flatten(), ends), shape=(n, total))
    table.sum_duplicates()
    return table


def word_places(counts: sparse.csr_array, places: int, passes: int, rng: np.random.Generator) -> Floats:
    """Unit rows [words, places] from counts [n, words]; the zero row for a word that never occurs."""
    frequency = np.asarray(counts.sum(0), dtype=np.float64).ravel()
    scale = np.divide(1, np.sqrt(frequency), out=np.zeros_like(frequency), where=frequency > 0)
    table = sparse.csr_array(counts @ sparse.diags_array(scale.astype(np.float32)))
    axes = right_singular_vectors(table, places + 1, passes, rng)[:, 1:]
    found = np.zeros((counts.shape[1], places))
    found[:, : axes.shape[1]] = axes * scale[:, None]
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    unit: Floats = np.divide(found, lengths, out=np.zeros_like(found), where=lengths > 0).astype(np.float32)
    return unit
