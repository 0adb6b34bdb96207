"""Local pushes against full solves."""

import numpy as np
import pytest

from curator.propagation._pushes import Spread
from curator.propagation.diffusion import Diffusion
from curator_indexes import KnnGraph
from tests.science._data import blobs, digits


def solved(diffusion: Diffusion, row: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """The row's column of K."""
    ids = np.array([row])
    return diffusion.spread(ids, np.zeros(1, np.int64), np.ones(1, np.float32), 1)[:, 0]


def dense(spread: Spread, n: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """What a push adds to the mass of all rows."""
    assert len(np.unique(spread.rows)) == len(spread.rows)
    mass = np.zeros(n, np.float32)
    mass[spread.rows] = spread.mass
    return mass


@pytest.mark.parametrize("alpha", [0.5, 0.8, 0.98])
@pytest.mark.parametrize("row", [0, 700, 1500])
def test_a_push_is_near_the_solution_and_what_it_leaves_completes_it(row: int, alpha: float) -> None:
    diffusion = Diffusion(digits().graph, k=10, gamma=4.0, alpha=alpha)
    spread = diffusion.push(row, 1.0)
    wanted, pushed = solved(diffusion, row), dense(spread, diffusion.n)
    np.testing.assert_allclose((1 - alpha) * pushed, (1 - alpha) * wanted, atol=1e-4)
    columns = np.zeros_like(spread.rows)
    rest = diffusion.spread(spread.rows, columns, spread.residual, 1)[:, 0]
    np.testing.assert_allclose(pushed + rest, wanted, atol=1e-4)


def test_pushes_leave_nothing_behind_and_are_linear_in_the_weight() -> None:
    diffusion = Diffusion(blobs().graph, k=10, gamma=4.0, alpha=0.9)
    first = dense(diffusion.push(3, 1.0), diffusion.n)
    diffusion.push(100, 1.0)
    np.testing.assert_array_equal(dense(diffusion.push(3, -1.0), diffusion.n), -first)


def test_a_row_that_no_affinity_joins_to_others_keeps_its_label() -> None:
    graph = KnnGraph(np.array([[1], [0], [0]], np.int32), np.array([[0.9], [0.9], [-1.0]], np.float32))
    diffusion = Diffusion(graph, k=1, gamma=4.0, alpha=0.9)
    spread = diffusion.push(2, 1.0)
    np.testing.assert_allclose(dense(spread, 3), [0, 0, 1], atol=1e-3)


def test_the_rows_touched_do_not_grow_with_the_graph() -> None:
    touched = []
    for n in (2_000, 20_000):
        ring = ((np.arange(n)[:, None] + [1, -1, 2, -2]) % n).astype(np.int32)
        graph = KnnGraph(ring, np.full((n, 4), 0.9, np.float32))
        diffusion = Diffusion(graph, k=4, gamma=4.0, alpha=0.9)
        touched.append(len(diffusion.push(n // 2, 1.0).rows))
    assert touched[0] == touched[1] < 1_000
