"""Labels hidden and propagated anew."""

import numpy as np
import pytest

from curator import knn_graph
from curator.errors import CuratorError
from curator.propagation.held_out import held_out_confidence


def blobs(spread: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 60)
    return (np.eye(3)[truth] + spread * rng.normal(size=(180, 3))).astype(np.float32), truth


def test_clear_classes_come_back_and_chance_is_seen_as_chance() -> None:
    embeddings, truth = blobs(0.05)
    graph = knn_graph(embeddings, k=10)
    confidence, right = held_out_confidence(graph, truth, embeddings=embeddings)
    assert 30 <= len(right) <= 42
    assert right.all()
    assert confidence.min() > 0.5
    chance = np.random.default_rng(1).permutation(truth)
    _, right = held_out_confidence(graph, chance, embeddings=embeddings)
    assert right.mean() < 0.7
    again = held_out_confidence(graph, chance, embeddings=embeddings)
    assert np.array_equal(again[1], right)


def test_too_few_labels_are_refused() -> None:
    embeddings, truth = blobs(0.1)
    graph = knn_graph(embeddings, k=10)
    with pytest.raises(CuratorError, match="at least 50"):
        held_out_confidence(graph, np.where(np.arange(180) % 6, -1, truth))
    with pytest.raises(CuratorError, match="share inside"):
        held_out_confidence(graph, truth, holdout=1.0)
