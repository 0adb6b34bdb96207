"""What an audit found, from a fitted model of the noise and from verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curator._arrays import Ids, Reals
from curator.annotators.reliability import Reliability
from curator.audits._evidence import Evidence
from curator.audits._noise import NoiseModel
from curator.audits._recalibration import best_threshold, recalibrated, rows_at_precision
from curator.audits.sampling import ErrorCount, Sample, draw_sample, estimate_errors, rows_worth_checking
from curator.errors import CuratorError
from curator.neighbors import TEMPERATURE
from curator.neighbors.votes import vote

Flags = npt.NDArray[np.bool_]

AGREEING = 20  # neighbours whose agreement is reported

# Of doubts on CIFAR-10N and synthetic noise, this share was right where embeddings told classes badly apart
# and the model was certain; where they tell them well apart, nearly all were.
_LEAST_TRUST = 0.75
_UNKNOWN = 0.25  # at most, for a label that nothing speaks for or against: below any threshold


@dataclass(frozen=True, eq=False)
class AuditReport:
    """Doubts about the given labels, row by row.

    Attributes:
        error_probability: that the given label is wrong, float64 [n]; NaN where unlabelled, 0 where a person
            has checked it.
        suggested_labels: the most probable true class, int64 [n]; of an issue, the most probable other one.
        issues: labels called wrong: those from `threshold` on, bool [n].
        threshold: the error probability, at most 0.5, that makes the expected F1 of `issues` highest.
        error_count: expected number of wrong labels. See `audit` for what the interval promises.
        rows_to_check: how many more rows of a sample the interval needs to be at most 6 points wide, or as
            wide as the estimate where that is less.
        neighbor_agreement: the given label's share of the vote of its 20 nearest labelled neighbours, near
            duplicates left out, float64 [n]; NaN where unlabelled or without a labelled neighbour.
        groups: a group number for each image, int64 [n]: near duplicates of one image share it.
        contradictions: labels that a near duplicate's label contradicts, bool [n]: at most one is right.
        supported: share of the labels that are the class which the image, judged without its label, most
            probably is of. Well below 1, either many labels are wrong or the embeddings cannot tell.
        noise_matrix: P(given class | true class), float64 [C, C], row the true class; NaN for classes
            without a label.
        opinions: by name of each signal that had a say, the class it finds most probable, judged without the
            image's label, int64 [n].
        checked: labels that people have checked, bool [n].
        unaided_probability: `error_probability` before verdicts, float64 [n].
        samples: the samples that `audit` was given.
        annotator_quality: how probably a label of each annotator is right, float64 [annotators]; NaN for one
            who said nothing, empty where `audit` was given no annotations.
        annotator_noise: P(said | true class) of each annotator, float64 [annotators, C, C], like
            `noise_matrix`.

    """

    error_probability: Reals
    suggested_labels: Ids
    issues: Flags
    threshold: float
    error_count: ErrorCount
    rows_to_check: int
    neighbor_agreement: Reals
    groups: Ids
    contradictions: Flags
    supported: float
    noise_matrix: Reals
    opinions: dict[str, Ids]
    checked: Flags
    unaided_probability: Reals
    samples: tuple[Sample, ...]
    annotator_quality: Reals
    annotator_noise: Reals

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the signals that had a say."""
        return tuple(self.opinions)

    def likeliest(self, row: int) -> dict[int, list[str]]:
        """The classes that signals find most probable for an image, each with the names of these signals."""
        found: dict[int, list[str]] = {}
        for name, likeliest in self.opinions.items():
            found.setdefault(int(likeliest[row]), []).append(name)
        return found

    def sample(self, budget: int, *, seed: int = 0) -> Sample:
        """Draw labels for people to check; see `curator.audits.draw_sample`."""
        return draw_sample(
            self.error_probability, budget, before=self.unaided_probability, checked=self.checked, seed=seed
        )

    def at_precision(self, precision: float) -> Ids:
        """The longest list of labels of which this share is expected to be wrong, most suspect first.

        With verdicts on 300 labels the share held in at least 92 % of simulated trials on each kind of noise.
        Without them it is the model's own expectation, which was up to 20 points too high on human labels.

        Raises:
            CuratorError: a precision that is not above 0 and at most 1.

        """
        if not 0 < precision <= 1:
            raise CuratorError(f"the precision is to be {precision!r}: wanted above 0 and at most 1")
        unchecked = np.flatnonzero(~np.isnan(self.error_probability) & ~self.checked)
        probability = self.error_probability[unchecked]
        length = rows_at_precision(probability, precision, self.samples)
        listed: Ids = unchecked[np.argsort(-probability, kind="stable")[:length]]
        return listed


def make_report(
    evidence: Evidence,
    model: NoiseModel,
    classes: tuple[Ids, int],
    opinions: dict[str, Ids],
    checked: Flags,
    samples: Sequence[Sample],
    annotators: Reliability | None,
) -> AuditReport:
    """Probabilities, count and suggestions of a fitted model; `classes`: those seen, and their number."""
    rows, (seen, n_classes) = evidence.labelled, classes
    known, still = evidence.labels[rows], ~checked[rows]
    unaided = np.where(still, _error_probability(model, known), 0.0)
    judged = [sample for sample in samples if sample.judged.any()]
    wrong = unaided
    if judged:
        wrong = np.where(still, recalibrated(unaided, judged), 0.0)
        count = estimate_errors(judged)
    else:
        count = _error_count(model, wrong, still, evidence.groups[rows])
    threshold = best_threshold(wrong[still])
    issues = still & (wrong >= threshold)
    probability = _scattered(wrong, rows, evidence.graph.n)
    return AuditReport(
        error_probability=probability,
        suggested_labels=seen[_suggested(model, rows, known, issues, still)],
        issues=np.nan_to_num(_scattered(issues, rows, evidence.graph.n)).astype(bool),
        threshold=threshold,
        error_count=count,
        rows_to_check=rows_worth_checking(probability, count, judged),
        neighbor_agreement=_agreement(evidence),
        groups=evidence.groups,
        contradictions=_contradictions(evidence) & ~checked,
        supported=1 - float(model.most.mean()),
        noise_matrix=_spread(model.noise[None], seen, n_classes)[0],
        opinions={name: seen[likeliest] for name, likeliest in opinions.items()},
        checked=checked,
        unaided_probability=_scattered(unaided, rows, evidence.graph.n),
        samples=tuple(samples),
        annotator_quality=np.zeros(0) if annotators is None else annotators.quality,
        annotator_noise=_spread(
            model.noise[None][:0] if annotators is None else annotators.confusion, seen, n_classes
        ),
    )


def _spread(matrices: Reals, seen: Ids, n_classes: int) -> Reals:
    """Matrices [m, seen, seen] with a row and a column for every class; NaN for those not seen, [m, C, C]."""
    whole = np.full((len(matrices), n_classes, n_classes), np.nan)
    whole[:, seen[:, None], seen] = matrices
    return whole


def _scattered(values: npt.NDArray[np.float64] | Flags, rows: Ids, n: int) -> Reals:
    everywhere = np.full(n, np.nan)
    everywhere[rows] = values
    return everywhere


def _suggested(model: NoiseModel, rows: Ids, known: Ids, issues: Flags, still: Flags) -> Ids:
    suggested = model.true.argmax(axis=1)
    others = model.posterior.copy()
    others[issues, known[issues]] = -1
    suggested[rows] = np.where(still, others.argmax(axis=1), known)
    return np.asarray(suggested, np.int64)


def _error_probability(model: NoiseModel, labels: Ids) -> Reals:
    """1 - P(true = given), [m]; a class's only label, which no other can vouch for, gets the average."""
    trust = _LEAST_TRUST + (1 - _LEAST_TRUST) * model.clearness
    wrong = trust * np.clip(1 - model.posterior[np.arange(len(labels)), labels], 0, 1)
    alone = np.bincount(labels)[labels] == 1
    if alone.any():
        wrong[alone] = min(wrong[~alone].mean(), _UNKNOWN) if (~alone).any() else 0.0
    return wrong


def _error_count(model: NoiseModel, wrong: Reals, still: Flags, groups: Ids) -> ErrorCount:
    estimate = float(wrong.sum())
    together = np.bincount(groups, np.sqrt(wrong * (1 - wrong)))  # near duplicates are right or wrong as one
    spread = 1.96 * float(np.sqrt((together**2).sum()))
    low = max(np.floor(min(float(model.least[still].sum()), estimate) - spread), 0.0)
    high = min(np.ceil(max(float(model.most[still].sum()), estimate) + spread), float(still.sum()))
    return ErrorCount(estimate, float(low), float(high))


def _agreement(evidence: Evidence) -> Reals:
    shares, _ = vote(
        evidence.graph,
        evidence.labels,
        evidence.n_classes,
        groups=evidence.groups,
        k=AGREEING,
        temperature=TEMPERATURE,
        own_group=False,
    )
    agreement = np.full(len(shares), np.nan)
    rows = evidence.labelled[shares[evidence.labelled].any(axis=1)]
    agreement[rows] = shares[rows, evidence.labels[rows]]
    return agreement


def _contradictions(evidence: Evidence) -> Flags:
    known, groups = evidence.labels >= 0, evidence.groups
    lowest = np.full(evidence.graph.n, evidence.n_classes)
    highest = np.full(evidence.graph.n, -1)
    np.minimum.at(lowest, groups[known], evidence.labels[known])
    np.maximum.at(highest, groups[known], evidence.labels[known])
    return known & (lowest < highest)[groups]
