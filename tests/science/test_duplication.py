"""Duplicates: groups around a keeper, without chains, by a threshold of the data or of the user."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.data_faults.duplication import find_duplicates
from curator.data_faults.likeness import ALIKE, likeness
from curator.data_faults.outlyingness import find_outliers
from curator.errors import CuratorError
from curator_indexes import knn_graph
from tests.science._data import EVERY, auroc, blobs, digits, of


@pytest.mark.parametrize("name", EVERY)
def test_every_keeper_keeps_itself_and_members_are_near_it(name: str) -> None:
    data = EVERY[name]()
    found = find_duplicates(data.graph, data.embeddings)
    np.testing.assert_array_equal(found.keeper[found.keeper], found.keeper)
    assert (found.similarity[found.keeper != np.arange(data.n)] > found.threshold).all()
    np.testing.assert_array_equal(found.linked[found.keeper], found.linked)


def test_a_film_is_not_one_image() -> None:
    """Each frame is like the next, the first and the last are not: linked, but not one group."""
    angles = np.linspace(0, 1.5, 60)
    data = of(np.column_stack([np.cos(angles), np.sin(angles)]), np.zeros(60), k=5)
    found = find_duplicates(data.graph, data.embeddings, threshold=0.995)
    assert len(np.unique(found.linked)) == 1
    assert len(np.unique(found.keeper)) > 5


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), copies=st.integers(1, 8))
def test_planted_copies_are_found_and_the_preferred_is_kept(seed: int, copies: int) -> None:
    rng = np.random.default_rng(seed)
    data = digits()
    chosen = rng.choice(data.n, 40, replace=False)
    added = np.repeat(data.embeddings[chosen], copies, axis=0)
    rows = np.concatenate([data.embeddings, added + 0.01 * rng.normal(size=added.shape).astype(np.float32)])
    preference = rng.permutation(len(rows))
    found = find_duplicates(knn_graph(rows, 10), rows, threshold=0.9999, preference=preference)
    for place, original in enumerate(chosen):
        members = [original, *range(data.n + place * copies, data.n + (place + 1) * copies)]
        keepers = np.unique(found.keeper[members])
        assert len(keepers) == 1
        assert preference[keepers[0]] >= preference[members].max()


def test_equal_contents_are_one_group_however_far_the_embeddings() -> None:
    data = blobs()
    contents = np.arange(data.n)
    contents[[3, 100, 200]] = 3
    found = find_duplicates(data.graph, data.embeddings, contents=contents, threshold=1.0)
    np.testing.assert_array_equal(np.flatnonzero(found.keeper == 3), [3, 100, 200])
    assert (found.similarity == 1).all()


def test_what_is_not_confirmed_is_no_duplicate() -> None:
    data = digits()
    found = find_duplicates(data.graph, data.embeddings, confirm=lambda one, two: np.zeros(len(one), bool))
    assert len(found.members) == 0


def test_a_threshold_that_is_none_is_refused() -> None:
    with pytest.raises(CuratorError, match="wanted a similarity"):
        find_duplicates(blobs().graph, blobs().embeddings, threshold=1.5)


def pictures(seed: int, count: int = 50) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Digits scaled up to thumbnails."""
    rows = digits().embeddings.reshape(-1, 8, 8)[seed : seed + count]
    return np.asarray(np.kron((rows - rows.min()) * 5, np.ones((4, 4))).clip(0, 255), np.uint8)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_likeness_is_one_for_the_same_picture_whichever_way_round(seed: int) -> None:
    one, two = pictures(seed), pictures(seed + 300)
    assert likeness(one, one).min() > 0.999
    np.testing.assert_allclose(likeness(one, two), likeness(two, one), atol=0.01)
    assert likeness(one, one[:, :, ::-1]).min() > 0.999, "mirrored"
    assert likeness(one, (one * 0.6 + 40).astype(np.uint8)).min() > 0.95, "less contrast"
    assert likeness(one, np.zeros_like(one)).max() < ALIKE, "an empty picture is like nothing"


def test_outliers_are_scored_highest_and_found() -> None:
    rng = np.random.default_rng(0)
    data = blobs(size=200)
    far = rng.normal(size=(12, 16)).astype(np.float32)
    rows = np.concatenate([data.embeddings, far])
    strange = np.arange(len(rows)) >= data.n
    found = find_outliers(knn_graph(rows, 15), embeddings=rows)
    assert auroc(strange, found.score) > 0.99
    assert found.issues[strange].mean() > 0.5
    assert found.issues[~strange].mean() < 0.01
    assert ((found.score >= 0) & (found.score <= 1)).all()


def test_stranger_along_what_hardly_varies_is_found_by_the_embeddings() -> None:
    """Its cosine similarities are as high as anybody's: only all directions made alike show it."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(600, 24)) * np.r_[np.ones(8), np.full(16, 0.02)]
    rows[:, 0] += 3
    rows[-5:, 8:] += 0.12 * rng.choice([-1, 1], size=(5, 16))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    graph, strange = knn_graph(rows, 15), np.arange(600) >= 595
    assert auroc(strange, find_outliers(graph).ratio) < 0.9
    assert auroc(strange, find_outliers(graph, embeddings=rows).strangeness) > 0.95


@pytest.mark.parametrize(
    "rows", [np.ones((40, 8)), np.eye(3), np.ones((40, 1))], ids=["equal", "few", "line"]
)
def test_embeddings_without_any_spread_have_a_score(rows: npt.NDArray[np.float64]) -> None:
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    found = find_outliers(knn_graph(unit, min(10, len(unit) - 1)), embeddings=unit)
    assert ((found.score >= 0) & (found.score <= 1)).all()


def test_copies_of_an_outlier_do_not_hide_it() -> None:
    rng = np.random.default_rng(1)
    data = blobs(size=200)
    far = np.repeat(-np.eye(16, dtype=np.float32)[:1], 24, axis=0)
    rows = np.concatenate([data.embeddings, far + 0.001 * rng.normal(size=far.shape).astype(np.float32)])
    found = find_outliers(knn_graph(rows, 15), embeddings=rows)
    assert found.issues[-24:].all()


@pytest.mark.parametrize("name", EVERY)
def test_outlier_scores_are_lawful_everywhere(name: str) -> None:
    data = EVERY[name]()
    found = find_outliers(data.graph, embeddings=data.embeddings)
    assert found.score.shape == found.issues.shape == (data.n,)
    assert ((found.score >= 0) & (found.score <= 1)).all()
