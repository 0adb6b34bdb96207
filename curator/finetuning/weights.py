"""What each image should be taken for, and how much it weighs: given labels, propagated ones, doubts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Targets:
    """What is known of n images before a fine-tune.

    Attributes:
        labels: given labels int64 [n], -1 where there is none.
        trust: how likely the given label is right, float32 [n]; 0 where there is none.
        soft: propagated class probabilities, float32 [n, C].
        confidence: of the propagated label, calibrated, float32 [n].

    """

    labels: Ids
    trust: Floats
    soft: Floats
    confidence: Floats

    @property
    def n_classes(self) -> int:
        """How many classes, C."""
        return int(self.soft.shape[1])


def label_trust(labels: Ids, error_probability: NDArray[np.floating[Any]]) -> Floats:
    """How likely each given label is right: 1 - the audit's error probability; 0 where there is no label.

    A label that the audit says nothing about (NaN) is believed.
    """
    trust = 1 - np.nan_to_num(error_probability, nan=0.0)
    return np.where(labels >= 0, np.clip(trust, 0, 1), 0).astype(np.float32)


def sampling_weights(targets: Targets) -> Floats:
    """How often each image is drawn for its given label, float32 [n]: by trust, every class alike."""
    given = targets.labels >= 0
    totals = np.bincount(targets.labels[given], targets.trust[given], minlength=targets.n_classes)
    weights = np.zeros(len(targets.labels), np.float32)
    weights[given] = targets.trust[given] / np.maximum(totals[targets.labels[given]], 1e-6)
    return weights


def class_balance(targets: Targets, most: float) -> Floats:
    """A factor for each image, float32 [n], that evens out the confidence spent on the predicted classes.

    Long-tailed predictions would otherwise feed on themselves; `most` bounds it where classes are rare.
    """
    predicted = targets.soft.argmax(axis=1)
    mass = np.bincount(predicted, targets.confidence, minlength=targets.n_classes)
    level = mass[mass > 0].mean() if mass.any() else 1.0
    factors: Floats = np.clip(level / np.maximum(mass[predicted], 1e-6), 0, most).astype(np.float32)
    return factors
