from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import chisquare

from curator.propagation import propagate
from curator.queries import query
from curator.queries.badge import Products, plus_plus
from tests.science._data import digits


def of_size(m: int, seed: int) -> tuple[Products, npt.NDArray[np.float64]]:
    """Factors, and the outer products that they stand for, [m, C * d]."""
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(m, 3)).astype(np.float32), rng.normal(size=(m, 4)).astype(np.float32)
    return Products(left, right), np.einsum("ic,id->icd", left, right).reshape(m, -1)


def test_distances_are_those_of_the_outer_products() -> None:
    points, outer = of_size(30, 0)
    wanted = ((outer[:, None] - outer[None]) ** 2).sum(axis=2)
    found = points.distances(slice(None), np.arange(30))
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    np.testing.assert_allclose(points.nearest(np.array([3, 7])), wanted[:, [3, 7]].min(axis=1), atol=1e-4)
    np.testing.assert_allclose(points.lengths, (outer**2).sum(axis=1), rtol=1e-5)


def test_the_first_is_the_longest() -> None:
    points, outer = of_size(30, 1)
    assert plus_plus(points, 1, np.random.default_rng(0)).tolist() == [(outer**2).sum(axis=1).argmax()]


def test_draws_have_the_chances_of_k_means_plus_plus() -> None:
    """The third of 5 rows, given the second: by squared distance from the nearer of the two before."""
    points, outer = of_size(5, 2)
    apart = ((outer[:, None] - outer[None]) ** 2).sum(axis=2)
    first = int((outer**2).sum(axis=1).argmax())
    wanted = np.zeros((5, 5))
    for second in range(5):
        nearest = np.minimum(apart[first], apart[second])
        wanted[second] = apart[first, second] / apart[first].sum() * nearest / nearest.sum()
    seen = np.zeros((5, 5))
    for seed in range(4000):
        drawn = plus_plus(points, 3, np.random.default_rng(seed))
        assert drawn[0] == first
        seen[drawn[1], drawn[2]] += 1
    possible = wanted > 1e-6
    assert seen[~possible].sum() == 0
    assert chisquare(seen[possible], 4000 * wanted[possible] / wanted.sum()).pvalue > 1e-3


@pytest.mark.parametrize("budget", [1, 64, 65, 300])
def test_no_row_is_drawn_twice(budget: int) -> None:
    points, _ = of_size(300, 3)
    assert len(set(plus_plus(points, budget, np.random.default_rng(0)).tolist())) == budget


def test_equal_rows_are_all_drawn_in_the_end() -> None:
    points = Products(np.ones((20, 2), np.float32), np.ones((20, 3), np.float32))
    assert sorted(plus_plus(points, 20, np.random.default_rng(0))) == list(range(20))


def test_picks_are_in_doubt_and_differ() -> None:
    data = digits()
    labels = data.labels(np.arange(0, data.n, 40))
    picks, random = (
        query(data.graph, labels, 40, strategy=name, embeddings=data.embeddings).ids
        for name in ("badge", "random")
    )
    confidence = propagate(data.graph, labels).confidence
    assert confidence[picks].mean() < confidence[random].mean() - 0.1
