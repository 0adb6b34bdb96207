from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from curator_indexes._duplicates import RowGroups, _separate_collisions, expand_groups, group_rows
from curator_indexes._rows import open_rows, unit_rows

FEW = arrays(
    np.float32,
    st.tuples(st.integers(0, 20), st.integers(1, 3)),
    elements=st.sampled_from([-0.0, 0.0, 1.0, 2.0]),
)


@settings(max_examples=60, deadline=None)
@given(FEW)
def test_groups_are_the_distinct_unit_rows(rows: NDArray[np.float32]) -> None:
    groups = group_rows(open_rows(rows))
    unit = unit_rows(rows)
    assert groups.n == len(rows)
    assert len(groups) == len(np.unique(unit, axis=0)) if len(rows) else len(groups) == 0
    np.testing.assert_array_equal(unit[groups.first][groups.of_row], unit)
    np.testing.assert_array_equal(groups.first, np.unique(groups.first))
    for low, high in zip(groups.starts[:-1], groups.starts[1:], strict=True):
        members = groups.members[low:high]
        np.testing.assert_array_equal(members, np.unique(members))


def test_rows_that_only_share_a_hash_are_parted() -> None:
    rows = open_rows(np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32))
    first_of_row = np.zeros(4, np.int64)  # as if all four had the same hash
    _separate_collisions(rows, first_of_row)
    np.testing.assert_array_equal(first_of_row, [0, 0, 2, 3])


@settings(max_examples=80, deadline=None)
@given(st.data(), st.integers(1, 12), st.integers(1, 5), st.booleans())
def test_expanding_equals_sorting_all_members(data: Any, n: int, k: int, leave_out: bool) -> None:
    group = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    leaders, first = np.unique(group, return_index=True)
    group = np.searchsorted(np.sort(first), first)[
        np.searchsorted(leaders, group)
    ]  # numbered by lowest member
    members = np.argsort(group, kind="stable")
    groups = RowGroups(members, np.searchsorted(group[members], np.arange(len(leaders) + 1)))
    scores = np.array(
        data.draw(st.lists(st.sampled_from([0.2, 0.5]), min_size=len(leaders), max_size=len(leaders)))
    )
    near = np.lexsort((np.arange(len(leaders)), -scores))
    excluded = np.array([data.draw(st.integers(0, n - 1))]) if leave_out else None
    k = min(k, n - leave_out)
    sorted_scores = scores[near].astype(np.float32)
    ids, similarities = expand_groups(groups, near[None], sorted_scores[None], k, excluded)
    rest = [i for i in range(n) if excluded is None or i != excluded[0]]
    expected = sorted(rest, key=lambda i: (-scores[group[i]], i))[:k]
    np.testing.assert_array_equal(ids[0], expected)
    np.testing.assert_allclose(similarities[0], scores[group[expected]])
