"""One label an image from what several annotators said, by a stated rule."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from curator._arrays import Ids
from curator.annotators.reliability import fit_reliability
from curator.annotators.statements import Statements, checked_annotations, statements
from curator.errors import CuratorError

_TIE = 1e-9  # scores that differ by less are equal: sums of logarithms depend on the order of adding


def consensus(annotations: npt.ArrayLike, *, rule: str = "majority") -> Ids:
    """The label of each image that its annotators agree on, int64 [n]; -1 where nobody said anything.

    Args:
        annotations: int [n, annotators], -1 where an annotator said nothing of an image.
        rule: "majority"; "dawid-skene", which weighs annotators by how reliable they prove to be; or "last".
            What is equally good by the rule is decided by the annotator of the last column.

    Raises:
        CuratorError: annotations that are not such an array, or an unknown rule.

    """
    given = checked_annotations(annotations)
    said = statements(given)
    decided = np.full(len(given), -1)
    winners = deciding_statements(said.rows, said.annotators, said.labels, rule=rule)
    decided[said.rows[winners]] = said.labels[winners]
    return decided


def deciding_statements(rows: Ids, annotators: Ids, labels: Ids, *, rule: str) -> Ids:
    """Which statement carries the consensus of each row, as positions int64 [rows with a statement].

    The rule scores the labels; of the statements for a best one, the last decides. Only labels that somebody
    gave are ever chosen.

    Args:
        rows: the image of each statement, int64 [m].
        annotators: who made it, int64 [m]; each annotator has one statement an image.
        labels: what it says, int64 [m], 0 and above. Statements stand in the order in which they were made.
        rule: a name in `RULES`.

    """
    if rule not in RULES:
        raise CuratorError(f"there is no consensus rule {rule!r}: choose one of {', '.join(RULES)}")
    if not len(rows):
        return np.zeros(0, np.int64)
    seen, row_of = np.unique(rows, return_inverse=True)
    scores = RULES[rule](Statements(row_of, annotators, labels, len(seen)))  # [m]
    best = np.full(len(seen), -np.inf)
    np.maximum.at(best, row_of, scores)
    deciding = np.full(len(seen), -1)
    np.maximum.at(deciding, row_of, np.where(scores >= best[row_of] - _TIE, np.arange(len(rows)), -1))
    return deciding


def _votes(said: Statements) -> npt.NDArray[np.float64]:
    """How many annotators of the image gave the same label, [m]."""
    cell = said.rows * said.n_classes + said.labels
    _, place, counts = np.unique(cell, return_inverse=True, return_counts=True)
    return np.asarray(counts[place], np.float64)


def _probability(said: Statements) -> npt.NDArray[np.float64]:
    """How probable the label is as the true class of the image, by Dawid and Skene's model, [m]."""
    model = fit_reliability(said)
    return np.asarray(model.probabilities[said.rows, said.labels], np.float64)


def _last(said: Statements) -> npt.NDArray[np.float64]:
    return np.zeros(len(said.rows))


RULES: dict[str, Callable[[Statements], npt.NDArray[np.float64]]] = {
    "majority": _votes,
    "dawid-skene": _probability,
    "last": _last,
}
DEFAULT_RULE = "majority"
WEIGHED_RULES = {"dawid-skene"}  # an image's label depends on what was said of others too
