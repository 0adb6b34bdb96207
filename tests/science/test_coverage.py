from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.queries import query
from curator.queries.coverage import balls
from curator_indexes import KnnGraph, knn_graph
from tests.science._data import blobs, digits


def of_pairs(graph: KnnGraph) -> npt.NDArray[np.bool_]:
    """By the definition, pair by pair: who is in whose ball, [n, n]."""
    least = np.median(graph.similarities[:, -1])
    inside = np.eye(graph.n, dtype=bool)
    for row in range(graph.n):
        for other, similarity in zip(graph.neighbors[row], graph.similarities[row], strict=True):
            if similarity >= least:
                inside[row, other] = inside[other, row] = True
    return inside


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), labelled=st.integers(0, 3))
def test_greedy_is_that_of_every_pair(seed: int, labelled: int) -> None:
    graph = knn_graph(np.random.default_rng(seed).normal(size=(40, 5)).astype(np.float32), 6)
    labels = np.where(np.arange(40) < labelled, 0, -1)
    ranking = query(graph, labels, 10, strategy="coverage")
    inside = of_pairs(graph)
    held = inside[:labelled].any(axis=0)
    for pick, score in zip(ranking.ids.tolist(), ranking.scores, strict=True):
        gains = (inside & ~held).sum(axis=1)
        gains[labels >= 0] = -1
        assert gains[pick] == score
        assert score == max(gains.max(), 0)
        held |= inside[pick]


def test_the_first_pick_has_the_largest_ball() -> None:
    data = digits()
    sizes = of_pairs(data.graph).sum(axis=1)
    ranking = query(data.graph, data.unlabelled, 5, strategy="coverage")
    assert sizes[ranking.ids[0]] == sizes.max() == ranking.scores[0]
    assert ranking.reasons[0] == f"centre of a dense unlabelled group of {sizes.max()} images"


def test_when_all_is_held_herding_goes_on() -> None:
    data = blobs()
    ranking = query(data.graph, data.unlabelled, data.n, strategy="coverage")
    count = int((ranking.scores > 0).sum())
    assert 4 <= count < data.n / 2
    assert of_pairs(data.graph)[ranking.ids[:count]].any(axis=0).all()
    further = query(data.graph, data.labels(ranking.ids[:count]), data.n, strategy="herding")
    np.testing.assert_array_equal(ranking.ids[count:], further.ids)
    assert ranking.reasons[count:] == further.reasons


def test_half_of_the_rows_keep_all_their_neighbours() -> None:
    graph = digits().graph
    whole = balls(graph)
    listed = np.array([whole[[row], graph.neighbors[row]].sum() for row in range(0, graph.n, 10)])
    assert (listed == graph.k).mean() == pytest.approx(0.5, abs=0.1)
