"""The paper's own form of propagation, against a dense walk."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from curator.errors import CuratorError
from curator.propagation.clamped import propagate_clamped
from tests.science._data import blobs, digits


def test_equals_a_dense_walk() -> None:
    data = digits()
    labels = data.labels(np.arange(0, data.n, 90))
    walk = np.zeros((data.n, data.n))
    for row in range(data.n):
        near = data.graph.neighbors[row, :7]
        weights = np.exp(data.graph.similarities[row, :7].astype(np.float64) / 0.2)
        walk[row, near] = weights / weights.sum()
    held = labels >= 0
    wanted = np.zeros((data.n, 10))
    wanted[held] = np.eye(10)[labels[held]]
    for _ in range(6):
        wanted = walk @ wanted
        wanted[held] = np.eye(10)[labels[held]]
    total = wanted.sum(axis=1, keepdims=True)
    wanted = np.divide(wanted, total, out=np.zeros_like(wanted), where=total > 0)
    found = propagate_clamped(data.graph, labels, n_classes=10, k=7, temperature=0.2, steps=6)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_labels_stay_and_clusters_follow() -> None:
    data = blobs()
    labels = data.labels([0, 70, 130, 200])
    found = propagate_clamped(data.graph, labels)
    assert (found[labels >= 0] == np.eye(4)[labels[labels >= 0]]).all()
    assert (found.argmax(axis=1) == data.classes).mean() > 0.95


def test_no_label_arrives_nowhere() -> None:
    data = blobs()
    assert not propagate_clamped(data.graph, data.unlabelled, n_classes=3).any()


@pytest.mark.parametrize("options", [{"k": 0}, {"steps": 0}, {"temperature": 0.0}])
def test_bad_parameters_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(CuratorError, match="wanted k and steps of at least 1"):
        propagate_clamped(blobs().graph, blobs().labels([0]), **options)
