"""Which labels to doubt: doubt signals, each in a file of its own, found through one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from curator._calibration import Reals
from curator._inputs import Floats, GraphLike, Ids, checked_graph, checked_labels
from curator._votes import vote
from curator.audits._bursts import groups_and_outsiders
from curator.audits._evidence import Evidence, Signal
from curator.audits._noise import NoiseModel, fit_noise
from curator.audits.linear_head import linear_head
from curator.audits.neighborhood import neighborhood
from curator.errors import CuratorError
from curator.neighbors import TEMPERATURE

__all__ = ["SIGNALS", "AuditReport", "ErrorCount", "Evidence", "Signal", "audit"]

SIGNALS: dict[str, Signal] = {
    "neighborhood": neighborhood,
    "linear_head": linear_head,
}


# Of doubts on CIFAR-10N and synthetic noise, this share was right where embeddings told classes badly apart
# and the model was certain; where they tell them well apart, nearly all were.
_LEAST_TRUST = 0.75


class ErrorCount(NamedTuple):
    """How many labels are wrong, with an interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class AuditReport:
    """Doubts about the given labels, row by row.

    Attributes:
        error_probability: that the given label is wrong, float64 [n]; NaN where unlabelled.
        suggested_labels: the most probable true class, int64 [n]; of an issue, the most probable other one.
        issues: labels more probably wrong than right, bool [n].
        error_count: expected number of wrong labels. See `audit` for what the interval promises.
        neighbor_agreement: the given label's share of the vote of its 20 nearest labelled neighbours, near
            duplicates left out, float64 [n]; NaN where unlabelled or without a labelled neighbour.
        groups: a group number for each image, int64 [n]: near duplicates of one image share it.
        contradictions: labels that a near duplicate's label contradicts, bool [n]: at most one is right.
        supported: share of the labels that are the class which the image, judged without its label, most
            probably is of. Well below 1, either many labels are wrong or the embeddings cannot tell.
        noise_matrix: P(given class | true class), float64 [C, C], row the true class; NaN for classes
            without a label.
        signals: names of the signals that had a say.

    """

    error_probability: Reals
    suggested_labels: Ids
    issues: npt.NDArray[np.bool_]
    error_count: ErrorCount
    neighbor_agreement: Reals
    groups: Ids
    contradictions: npt.NDArray[np.bool_]
    supported: float
    noise_matrix: Reals
    signals: tuple[str, ...]


def audit(
    graph: GraphLike,
    labels: npt.ArrayLike,
    *,
    embeddings: npt.NDArray[Any] | None = None,
    n_classes: int | None = None,
    seed: int = 0,
) -> AuditReport:
    """Estimate for each label how probably it is wrong, without any label known to be right.

    Each signal says which label an image would be given, judged without its own label. Their geometric mean
    and a noise matrix estimated from the labels themselves give the probability of error by Bayes' rule. A
    label is an issue from probability 0.5 on: more probably wrong than right. On CIFAR-10N and on synthetic
    noise no other threshold has an F1 more than .016 higher, and lower ones send people to more false alarms.

    No method can tell an image that people find hard from one that the embeddings find hard. The interval of
    `error_count` therefore runs from the errors that stand out on images that are clear (too few, when
    people err on unclear ones; none, when embeddings leave most images unclear) to all labels that
    contradict the image's most probable class (too many, when embeddings err), each widened by 1.96
    binomial standard deviations. Errors that the embeddings share are beyond it; only labels checked by a
    person can narrow it.

    Args:
        graph: a kNN graph.
        labels: int [n], -1 where unlabelled.
        embeddings: float [n, d]; with them a cross-validated linear classifier has a say too.
        n_classes: how many classes; None for the largest label + 1.
        seed: of the cross-validation's folds.

    Raises:
        CuratorError: a graph, labels or embeddings that cannot be used, or no label at all.

    """
    checked = checked_graph(graph)
    given, classes = checked_labels(labels, checked.n, n_classes)
    seen = np.unique(given[given >= 0])
    if not len(seen):
        raise CuratorError("there is no label to audit: label some images first")
    compact = np.where(given >= 0, np.searchsorted(seen, given), -1)
    groups, outsiders = groups_and_outsiders(checked, compact, embeddings)
    evidence = Evidence(outsiders, compact, len(seen), groups, embeddings, seed)
    judged = {name: signal(evidence) for name, signal in SIGNALS.items()}
    opinions = {name: opinion for name, opinion in judged.items() if opinion is not None}
    model = fit_noise(_geometric_mean(list(opinions.values())), evidence)
    return _report(evidence, model, seen, classes, tuple(opinions))


def _geometric_mean(opinions: list[Floats]) -> Reals:
    """Log of the signals' geometric mean, float64 [n, C]."""
    logs = [np.log(np.maximum(opinion, 1e-12), dtype=np.float64) for opinion in opinions]
    return np.asarray(np.mean(logs, axis=0), np.float64)


def _report(
    evidence: Evidence, model: NoiseModel, seen: Ids, n_classes: int, signals: tuple[str, ...]
) -> AuditReport:
    rows, n = evidence.labelled, evidence.graph.n
    known = evidence.labels[rows]
    wrong = _error_probability(model, known)
    probability = np.full(n, np.nan)
    probability[rows] = wrong
    issues = np.nan_to_num(probability) >= 0.5
    suggested = model.true.argmax(axis=1)
    others = model.posterior.copy()
    flagged = issues[rows]
    others[flagged, known[flagged]] = -1
    suggested[rows] = others.argmax(axis=1)
    noise = np.full((n_classes, n_classes), np.nan)
    noise[np.ix_(seen, seen)] = model.noise
    return AuditReport(
        error_probability=probability,
        suggested_labels=seen[suggested],
        issues=issues,
        error_count=_error_count(model, wrong, evidence.groups[rows]),
        neighbor_agreement=_agreement(evidence),
        groups=evidence.groups,
        contradictions=_contradictions(evidence),
        supported=1 - model.most_errors / len(rows),
        noise_matrix=noise,
        signals=signals,
    )


def _error_probability(model: NoiseModel, labels: Ids) -> Reals:
    """1 - P(true = given), [m]; a class's only label, which no other can vouch for, gets the average."""
    trust = _LEAST_TRUST + (1 - _LEAST_TRUST) * model.clearness
    wrong = trust * np.clip(1 - model.posterior[np.arange(len(labels)), labels], 0, 1)
    alone = np.bincount(labels)[labels] == 1
    if alone.any():
        wrong[alone] = min(wrong[~alone].mean(), 0.49) if (~alone).any() else 0.0
    return wrong


def _error_count(model: NoiseModel, wrong: Reals, groups: Ids) -> ErrorCount:
    estimate = float(wrong.sum())
    together = np.bincount(groups, np.sqrt(wrong * (1 - wrong)))  # near duplicates are right or wrong as one
    spread = 1.96 * float(np.sqrt((together**2).sum()))
    low = max(np.floor(min(model.least_errors, estimate) - spread), 0.0)
    high = min(np.ceil(max(model.most_errors, estimate) + spread), float(len(wrong)))
    return ErrorCount(estimate, float(low), float(high))


def _agreement(evidence: Evidence) -> Reals:
    shares, _ = vote(
        evidence.graph,
        evidence.labels,
        evidence.n_classes,
        groups=evidence.groups,
        k=20,
        temperature=TEMPERATURE,
        own_group=False,
    )
    agreement = np.full(len(shares), np.nan)
    rows = evidence.labelled[shares[evidence.labelled].any(axis=1)]
    agreement[rows] = shares[rows, evidence.labels[rows]]
    return agreement


def _contradictions(evidence: Evidence) -> npt.NDArray[np.bool_]:
    known, groups = evidence.labels >= 0, evidence.groups
    lowest = np.full(evidence.graph.n, evidence.n_classes)
    highest = np.full(evidence.graph.n, -1)
    np.minimum.at(lowest, groups[known], evidence.labels[known])
    np.maximum.at(highest, groups[known], evidence.labels[known])
    return known & (lowest < highest)[groups]
