"""Class probabilities of every row, kept up to date as labels come and go."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curator._arrays import Floats, Ids, checked_labels
from curator.errors import CuratorError
from curator.propagation._pushes import PUSHED_EDGES
from curator.propagation.calibration import Calibration, class_probabilities, hold_given, mean_mass
from curator.propagation.diffusion import Diffusion

_SOLVE_STEPS = 50  # of conjugate gradients, about, each looking at every edge
_BLOCK_ROWS = 1 << 16


class SoftLabels:
    """Class probabilities of every image, kept up to date as labels come and go.

    Attributes:
        probabilities: float32 [n, C], rows sum to 1. A labelled row has 1 at its given label. A class without
            any label has 0 everywhere.
        predictions: the most probable class, int64 [n]; a labelled row's is its given label.
        confidence: the probability of the prediction, float32 [n]; 0 where no label can reach the row.
        reachable: whether any label is in the row's connected part of the graph, bool [n]. The probabilities
            of other rows are the prior of the classes.
        labels: the labels it was made from, int64 [n], -1 where unlabelled.
        calibration: how mass became probability.

    """

    probabilities: Floats
    predictions: Ids
    confidence: Floats
    reachable: npt.NDArray[np.bool_]

    def __init__(
        self,
        diffusion: Diffusion,
        mass: Floats,
        labels: Ids,
        calibration: Calibration,
        head: Floats | None = None,
    ) -> None:
        self.labels = labels.copy()
        self.calibration = calibration
        self._diffusion = diffusion
        self._mass = mass
        self._head = head
        self._residuals: dict[int, Floats] = {}  # by class, what is still to spread, float32 [n]
        self._components = diffusion.components
        given = np.flatnonzero(labels >= 0)
        self._counts = label_counts(labels, self.n_classes)
        self._component_counts = np.bincount(
            self._components[given], minlength=self._components.max(initial=-1) + 1
        )
        self._evaluate()

    @property
    def n_classes(self) -> int:
        """How many classes there are, C."""
        return int(self._mass.shape[1])

    @property
    def alpha(self) -> float:
        """How far labels spread, in (0, 1)."""
        return self._diffusion.alpha

    @property
    def calibrated(self) -> bool:
        """Whether confidence was fitted on held-out labels; with under 50 usable labels it is a guess."""
        return self.calibration.held_out > 0

    @property
    def mean_confidence(self) -> float:
        """Mean confidence of the unlabelled rows, what share of them should be right; NaN: there are none."""
        confidence = self.confidence[self.labels < 0]
        return float(confidence.mean(dtype=np.float64)) if len(confidence) else float("nan")

    @property
    def confidence_margin(self) -> float:
        """How far `mean_confidence` may be from that share, at 95 %, by the labels held out; NaN: a guess.

        It holds for labels drawn at random. Where they were picked, their neighbourhoods are easier or harder
        than the rest, and the error may be larger.
        """
        return self.calibration.margin(self.mean_confidence)

    @property
    def settled(self) -> bool:
        """Whether all labels are spread to the end; otherwise `settle` has something to do."""
        return not self._residuals

    def update(self, ids: npt.ArrayLike, labels: npt.ArrayLike) -> None:
        """Fold in labels that are new, changed or withdrawn (-1), in place.

        Diffusion is linear in the labels, so only the difference is diffused. On a large graph that is done
        by local pushes: each label costs the same whatever the graph's size, about 30 ms at a million rows,
        and leaves an error of at most 1e-4 of a label's whole mass at any row. The rows it reached are
        evaluated anew, the others keep their probabilities until `settle`. With few labels a new one changes
        a little everywhere, with fifty a class and more hardly anything outside its reach: docs/benchmarks.md
        has figures. On a small graph, or with many labels at once, the result is that of `settle`.

        Args:
            ids: rows, int [m], each once (or a single one).
            labels: their labels from now on, int [m], -1 to withdraw.

        Raises:
            CuratorError: ids out of range or repeated, labels of another length or out of range, or no label
                would be left. Nothing is changed then.

        """
        rows = _checked_rows(ids, len(self.labels))
        given, _ = checked_labels(np.atleast_1d(np.asarray(labels)), len(rows), self.n_classes)
        changed = self.labels[rows] != given
        rows, given, withdrawn = rows[changed], given[changed], self.labels[rows[changed]]
        counts = self._counts + label_counts(given, self.n_classes) - label_counts(withdrawn, self.n_classes)
        check_any(counts)
        everywhere = ((counts > 0) != (self._counts > 0)).any()
        self._counts = counts
        self.labels[rows] = given
        old, new = withdrawn >= 0, given >= 0
        everywhere |= self._count_in_components(rows[old], -1) | self._count_in_components(rows[new], 1)
        seeds = np.concatenate([rows[old], rows[new]])
        classes = np.concatenate([withdrawn[old], given[new]])
        weights = np.repeat(np.array([-1, 1], np.float32), [old.sum(), new.sum()])
        if not self._local(classes):
            for row, label, weight in zip(seeds, classes.tolist(), weights, strict=True):
                self._residual(label)[row] += weight
            self.settle()
        else:
            touched = self._push(seeds, classes, weights)
            if everywhere:  # a class or a part of the graph has its first label, or lost its last
                self._evaluate()
            else:
                self._evaluate_rows(np.unique(np.concatenate([rows, *touched])))

    def settle(self) -> None:
        """Spread to the end what updates left, and evaluate every row.

        Alpha and calibration stay what they were at the full solve: without embeddings, the result equals
        `propagate(graph, labels, alpha=soft.alpha, calibration=soft.calibration)` within 1e-4. With them, the
        classifier stays what it was too. Propagate anew now and then to refresh all of it.
        """
        labels = sorted(self._residuals)
        rows = [np.flatnonzero(self._residuals[label]) for label in labels]
        weights = [self._residuals[label][part] for label, part in zip(labels, rows, strict=True)]
        columns = [np.full(len(part), column) for column, part in enumerate(rows)]
        if labels:
            left = np.concatenate(rows), np.concatenate(columns), np.concatenate(weights)
            for part, block in self._diffusion.spread_parts(*left, len(labels)):
                self._mass[:, labels[part]] += block
        self._residuals = {}
        self._evaluate()

    def _local(self, classes: Ids) -> bool:
        """Whether pushes for labels of these classes are cheaper than solving for the classes' columns."""
        solve = _SOLVE_STEPS * self._diffusion.edges * len(np.unique(classes))
        return len(classes) * PUSHED_EDGES < solve

    def _push(self, rows: Ids, classes: Ids, weights: Floats) -> list[Ids]:
        """Spread labels as far as pushes go; the rows whose mass each changed."""
        touched = []
        for row, label, weight in zip(rows.tolist(), classes.tolist(), weights.tolist(), strict=True):
            spread = self._diffusion.push(row, weight)
            self._mass[spread.rows, label] += spread.mass
            self._averages[label] += spread.mass.sum(dtype=np.float64) / len(self.labels)
            self._residual(label)[spread.rows] += spread.residual
            touched.append(spread.rows[spread.mass != 0])
        return touched

    def _residual(self, label: int) -> Floats:
        if label not in self._residuals:
            self._residuals[label] = np.zeros(len(self.labels), np.float32)
        return self._residuals[label]

    def _count_in_components(self, rows: Ids, change: int) -> bool:
        """Count labels that came or went; whether a component is reached now that was not, or no longer."""
        components = self._components[rows]
        before = self._component_counts[components] > 0
        np.add.at(self._component_counts, components, change)
        return bool((before != (self._component_counts[components] > 0)).any())

    def _evaluate(self) -> None:
        self._mass[:, self._counts == 0] = 0  # not the rounding that withdrawn labels leave
        self._averages = mean_mass(self._mass)
        self.probabilities = np.empty_like(self._mass)
        self.predictions = np.empty(len(self._mass), np.int64)
        self.confidence = np.empty(len(self._mass), np.float32)
        self.reachable = self._component_counts[self._components] > 0
        for low in range(0, len(self._mass), _BLOCK_ROWS):
            self._evaluate_rows(slice(low, low + _BLOCK_ROWS))

    def _evaluate_rows(self, rows: Ids | slice) -> None:
        head = None if self._head is None else self._head[rows]
        probabilities = class_probabilities(
            self._mass[rows], self._counts, self.calibration, head, self._averages
        )
        hold_given(probabilities, self.labels[rows])
        self.probabilities[rows] = probabilities
        self.predictions[rows] = probabilities.argmax(axis=1)
        self.confidence[rows] = probabilities.max(axis=1) * self.reachable[rows]


def label_counts(labels: Ids, n_classes: int) -> Ids:
    """How many labels each class has, int64 [C]."""
    return np.bincount(labels[labels >= 0], minlength=n_classes)


def check_any(counts: Ids) -> None:
    """CuratorError unless some class has a label."""
    if not counts.any():
        raise CuratorError(
            "there is no label to propagate: label a few images first; "
            "curator.query(graph, labels, budget) says which"
        )


def _checked_rows(ids: npt.ArrayLike, n: int) -> Ids:
    rows = np.atleast_1d(np.asarray(ids))
    if rows.ndim != 1 or (rows.size and not np.issubdtype(rows.dtype, np.integer)):
        raise CuratorError(f"ids are {rows.dtype} of shape {rows.shape}: wanted integers, [m]")
    if rows.size and (rows.min() < 0 or rows.max() >= n):
        raise CuratorError(f"ids run from {rows.min()} to {rows.max()}: wanted row ids from 0 to {n - 1}")
    if len(np.unique(rows)) < len(rows):
        raise CuratorError("ids name a row more than once: wanted each once")
    return rows.astype(np.int64)
