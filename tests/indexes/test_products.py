"""Sparse products by blocks of rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from curator_indexes import product, products


@pytest.mark.parametrize("block", [1, 7, 100, 1000])
def test_any_block_gives_the_bits_of_the_whole(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(products, "_BLOCK_ROWS", block)
    rng = np.random.default_rng(0)
    sparse = np.where(rng.random((130, 90)) < 0.1, rng.normal(size=(130, 90)), 0)
    matrix = csr_array(sparse.astype(np.float32))
    dense = rng.normal(size=(90, 3)).astype(np.float32)
    np.testing.assert_array_equal(product(matrix, dense), matrix @ dense)
    np.testing.assert_allclose(product(matrix, dense), matrix.toarray() @ dense, atol=1e-5)


def test_empty_rows_and_no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_BLOCK_ROWS", 2)
    matrix = csr_array(np.zeros((5, 4), np.float32))
    assert product(matrix, np.ones((4, 2), np.float32)).tolist() == [[0, 0]] * 5
    assert product(matrix, np.ones((4, 0), np.float32)).shape == (5, 0)
