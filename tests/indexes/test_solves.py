"""Conjugate gradients against a dense solver."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from curator_indexes import conjugate_gradients, normalized, solves


def graph_matrix(n: int, seed: int) -> csr_array:
    """S of a random sparse symmetric graph."""
    rng = np.random.default_rng(seed)
    weights = np.where(rng.random((n, n)) < 5 / n, rng.random((n, n)), 0).astype(np.float32)
    return normalized(csr_array(weights + weights.T))


@pytest.mark.parametrize("alpha", [0.1, 0.9, 0.99])
@pytest.mark.parametrize("block", [7, 64, 1000])
def test_it_solves_the_system(monkeypatch: pytest.MonkeyPatch, block: int, alpha: float) -> None:
    monkeypatch.setattr(solves, "_BLOCK_ROWS", block)
    matrix = graph_matrix(200, seed=1)
    right_hand = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
    right_hand[:, 3] = 0
    wanted = np.linalg.solve(np.eye(200) - alpha * matrix.toarray(), right_hand)
    found = conjugate_gradients(matrix, right_hand, alpha)
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())
    np.testing.assert_array_equal(found[:, 3], 0)


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solves, "_BLOCK_ROWS", 16)
    matrix, right_hand = graph_matrix(300, seed=2), np.eye(300, 4, dtype=np.float32)
    results = []
    for threads in ("1", "3"):
        monkeypatch.setenv("CURATOR_THREADS", threads)
        results.append(conjugate_gradients(matrix, right_hand, 0.98))
    np.testing.assert_array_equal(results[0], results[1])


def test_a_column_more_changes_no_other() -> None:
    matrix = graph_matrix(100, seed=3)
    right_hand = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    together = conjugate_gradients(matrix, right_hand, 0.9)
    np.testing.assert_allclose(
        together[:, :2], conjugate_gradients(matrix, right_hand[:, :2], 0.9), atol=1e-5
    )


def test_no_rows_and_no_columns() -> None:
    empty = csr_array(np.zeros((0, 0), np.float32))
    assert conjugate_gradients(empty, np.zeros((0, 3), np.float32), 0.5).shape == (0, 3)
    assert conjugate_gradients(graph_matrix(9, 0), np.zeros((9, 0), np.float32), 0.5).shape == (9, 0)
