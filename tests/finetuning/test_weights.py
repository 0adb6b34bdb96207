"""Weights: doubted labels weigh little, classes weigh alike."""

import numpy as np
import pytest

import curator
from curator.finetuning.weights import Targets, class_balance, label_trust, sampling_weights


def test_wrong_labels_are_trusted_far_less_than_right_ones() -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 100)
    rows = (np.eye(3)[truth] + 0.2 * rng.normal(size=(300, 3))).astype(np.float32)
    wrong = rng.random(300) < 0.2
    labels = np.where(wrong, (truth + 1) % 3, truth)
    report = curator.audit(curator.knn_graph(rows, 20), labels, embeddings=rows)
    trust = label_trust(labels, report.error_probability)
    assert trust[~wrong].mean() > 0.9
    assert trust[wrong].mean() < 0.1


def test_what_the_audit_does_not_judge_is_believed_and_no_label_is_not() -> None:
    trust = label_trust(np.array([0, -1, 1]), np.array([np.nan, np.nan, 0.25]))
    assert trust.tolist() == [1.0, 0.0, 0.75]


def targets() -> Targets:
    labels = np.array([0, 0, 0, 1, -1, -1])
    soft = np.array([[1, 0]] * 3 + [[0, 1]] + [[0.9, 0.1]] * 2, np.float32)
    return Targets(labels, np.array([1, 1, 0, 0.5, 0, 0], np.float32), soft, soft.max(axis=1))


def test_every_class_is_drawn_as_often_and_a_label_that_is_surely_wrong_never() -> None:
    weights = sampling_weights(targets())
    assert weights[:3].sum() == pytest.approx(weights[3])
    assert weights[2] == weights[4] == 0


def test_images_of_a_rare_class_weigh_more_but_not_without_bound() -> None:
    factors = class_balance(targets(), 3.0)
    assert factors[3] > 1 > factors[0]
    assert class_balance(targets(), 1.5).max() == 1.5
