"""Candidates in order: by similarity, then by id."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from curator_indexes._ranking import best_first

SIMILARITIES = st.sampled_from([-np.inf, -1.0, -0.5, -1e-30, -0.0, 0.0, 1e-40, 0.25, 0.999, 1.0])


@given(hnp.arrays(np.float32, (3, 7), elements=SIMILARITIES), st.integers(1, 7), st.data())
def test_best_first_sorts_as_a_sort_by_two_keys_would(
    similarities: NDArray[np.float32], k: int, data: st.DataObject
) -> None:
    ids = np.stack([data.draw(st.permutations([0, 1, 2, 3, 70_000, 2**31 - 2, 2**31 - 1])) for _ in range(3)])
    order = np.lexsort((ids, -similarities), axis=1)[:, :k]
    found, values = best_first(ids, similarities, k)
    assert np.array_equal(found, np.take_along_axis(ids, order, axis=1))
    assert np.array_equal(values, np.take_along_axis(similarities, order, axis=1))


def test_candidates_that_are_none_come_last() -> None:
    ids, values = best_first(np.array([[-1, 4, -1]]), np.array([[-np.inf, -0.5, -np.inf]], np.float32), 3)
    assert ids.tolist() == [[4, -1, -1]]
    assert values.tolist() == [[-0.5, -np.inf, -np.inf]]
