"""Splits: groups stay whole, classes keep their shares, same seed same split."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.errors import CuratorError
from curator.planning.splitting import merged_groups, split_groups

SHARES = st.sampled_from([(0.8, 0.1, 0.1), (1.0, 0.0, 0.0), (0.5, 0.5), (0.34, 0.33, 0.33), (0.7, 0.3, 0.0)])
ROWS = st.lists(st.tuples(st.integers(0, 30), st.integers(-1, 4)), min_size=0, max_size=200)


@settings(max_examples=200, deadline=None)
@given(rows=ROWS, shares=SHARES, seed=st.integers(0, 5))
def test_no_group_is_parted_and_every_row_has_a_part(
    rows: list[tuple[int, int]], shares: tuple[float, ...], seed: int
) -> None:
    groups, labels = (np.array([row[i] for row in rows], np.int64) for i in (0, 1))
    part = split_groups(groups, labels, shares, seed=seed)
    assert ((part >= 0) & (part < len(shares))).all()
    assert all(len(np.unique(part[groups == group])) == 1 for group in np.unique(groups))
    assert not np.isin(part, np.flatnonzero(np.array(shares) == 0)).any()
    np.testing.assert_array_equal(part, split_groups(groups, labels, shares, seed=seed))


@settings(max_examples=200, deadline=None)
@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=30), shares=SHARES, seed=st.integers(0, 5))
def test_without_groups_each_class_has_its_shares_to_a_row(
    sizes: list[int], shares: tuple[float, ...], seed: int
) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    part = split_groups(np.arange(len(labels)), labels, shares, seed=seed)
    counts = np.array([np.bincount(part[labels == c], minlength=len(shares)) for c in range(len(sizes))])
    assert (np.abs(counts - np.outer(sizes, shares)) < 1 + 1e-6).all()


@settings(max_examples=100, deadline=None)
@given(classes=st.integers(20, 60), each=st.integers(1, 4), seed=st.integers(0, 5))
def test_many_small_classes_do_not_empty_the_small_parts(classes: int, each: int, seed: int) -> None:
    labels = np.repeat(np.arange(classes), each)
    part = split_groups(np.arange(len(labels)), labels, (0.8, 0.1, 0.1), seed=seed)
    counts = np.bincount(part, minlength=3) - len(labels) * np.array([0.8, 0.1, 0.1])
    assert (np.abs(counts) <= 3).all(), counts


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 100))
def test_small_groups_hardly_move_the_shares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.where(rng.random(2000) < 0.3, rng.integers(0, 100, 2000), np.arange(100, 2100))
    labels = np.random.default_rng(seed).integers(0, 5, 2200)[groups]
    part = split_groups(groups, labels, (0.8, 0.1, 0.1), seed=seed)
    for label in range(5):
        share = np.bincount(part[labels == label], minlength=3) / (labels == label).sum()
        np.testing.assert_allclose(share, [0.8, 0.1, 0.1], atol=0.03)


def test_another_seed_is_another_split() -> None:
    labels = np.zeros(100, np.int64)
    one, two = (split_groups(np.arange(100), labels, (0.5, 0.5), seed=seed) for seed in (0, 1))
    assert (one != two).any()


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40))
def test_merged_groups_keep_together_what_either_does(rows: list[tuple[int, int]]) -> None:
    one, two = (np.array([row[i] for row in rows]) for i in (0, 1))
    merged = merged_groups(one, two)
    for grouping in (one, two):
        assert all(len(np.unique(merged[grouping == group])) == 1 for group in np.unique(grouping))
    assert len(np.unique(merged_groups(one, one))) == len(np.unique(one)), "and no more than that"


@pytest.mark.parametrize("shares", [(0.8, 0.1), (1.2, -0.2), (), (float("nan"), 1.0)])
def test_shares_that_make_no_whole_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(CuratorError, match="with a sum of 1"):
        split_groups([0, 1], [0, 1], shares)
