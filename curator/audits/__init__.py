"""Which labels to doubt: doubt signals, each in a file of its own, found through one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from curator._arrays import GraphLike, Ids, Reals, checked_embeddings, checked_graph, checked_labels
from curator.annotators.statements import checked_annotations
from curator.audits._evidence import Evidence, Signal, checked_opinion
from curator.audits._noise import NoiseModel, fit_noise, refit_noise
from curator.audits._report import AuditReport, make_report
from curator.audits._witnesses import hear_annotators
from curator.audits.linear_head import linear_head
from curator.audits.neighborhood import neighborhood
from curator.audits.sampling import ErrorCount, Sample, draw_sample, estimate_errors
from curator.errors import CuratorError
from curator.neighbors.bursts import groups_and_outsiders

__all__ = [
    "SIGNALS",
    "AuditReport",
    "ErrorCount",
    "Evidence",
    "Sample",
    "Signal",
    "audit",
    "draw_sample",
    "estimate_errors",
]

SIGNALS: dict[str, Signal] = {
    "neighborhood": neighborhood,
    "linear_head": linear_head,
}


# A label that is less probably right than this teaches nobody in the second round. Embeddings that tell
# classes badly apart must be surer: half of their doubts are false. Chosen with the truth of CIFAR-10N and of
# made noise.
_SILENT_CLEAR, _SILENT_UNCLEAR = 0.5, 0.1


def audit(
    graph: GraphLike,
    labels: npt.ArrayLike,
    *,
    embeddings: npt.NDArray[Any] | None = None,
    n_classes: int | None = None,
    seed: int = 0,
    annotations: npt.ArrayLike | None = None,
    checked: npt.ArrayLike = False,
    samples: Sequence[Sample] = (),
) -> AuditReport:
    """Estimate for each label how probably it is wrong, without any label known to be right.

    Each signal says which label an image would be given, judged without its own label and those of its near
    duplicates. Their geometric mean and a noise matrix estimated from the labels themselves give the
    probability of error by Bayes' rule. A label is an issue from the probability on that makes the expected
    F1 highest.

    No method can tell an image that people find hard from one that the embeddings find hard. Without
    verdicts, the interval of `error_count` therefore runs from the errors that stand out on images that are
    clear (too few, when people err on unclear ones; none, when embeddings leave most images unclear) to all
    labels that contradict the image's most probable class (too many, when embeddings err), each widened by
    1.96 binomial standard deviations; errors that the embeddings share are beyond it. With verdicts on
    `samples`, count, interval and probabilities are theirs: see `curator.audits.estimate_errors`.

    Args:
        graph: a kNN graph.
        labels: int [n], -1 where unlabelled.
        embeddings: float [n, d], for those of `SIGNALS` that have no say without them.
        n_classes: how many classes; None for the largest label + 1.
        seed: of the cross-validation's folds.
        annotations: int [n, annotators], -1 where an annotator said nothing of an image: what each of them
            said of the images, of which `labels` is the consensus. Each then is a witness whose errors are
            estimated, see `annotator_quality` of the report. A class that no label has tells nothing.
        checked: bool [n], labels that people have checked, and corrected where they were wrong.
        samples: labels drawn by `AuditReport.sample`, with verdicts on some or all of them.

    Raises:
        CuratorError: a graph, labels, embeddings, annotations or checks that cannot be used, or no label
            at all.

    """
    whole = checked_graph(graph)
    given, classes = checked_labels(labels, whole.n, n_classes)
    seen = np.unique(given[given >= 0])
    if not len(seen):
        raise CuratorError("there is no label to audit: label some images first")
    compact = _compact(given, seen)
    vectors = None if embeddings is None else checked_embeddings(embeddings, whole.n)
    groups, outsiders = groups_and_outsiders(whole, compact, vectors)
    flags = _checked(checked, given)
    evidence = Evidence(outsiders, compact, len(seen), groups, vectors, seed, compact)
    logs, opinions = _opinion(evidence)
    said = None if annotations is None else _compact(checked_annotations(annotations, whole.n), seen)
    first = fit_noise(logs, evidence, signals=len(opinions))
    doubts = first if said is None else hear_annotators(first, evidence, said, flags)[0]
    evidence = replace(evidence, teachers=_teachers(doubts, evidence, flags))
    logs, opinions = _opinion(evidence)
    model, annotators = refit_noise(first, logs, evidence), None
    if said is not None:
        model, annotators = hear_annotators(model, evidence, said, flags)
    return make_report(evidence, model, (seen, classes), opinions, flags, samples, annotators)


def _compact(values: Ids, seen: Ids) -> Ids:
    """Codes into the classes that occur, -1 for any other, of the same shape."""
    places = np.searchsorted(seen, values).clip(max=len(seen) - 1)
    return np.asarray(np.where(seen[places] == values, places, -1), np.int64)


def _opinion(evidence: Evidence) -> tuple[Reals, dict[str, Ids]]:
    """Log of the signals' geometric mean, float64 [n, C], and the likeliest class by each that had a say."""
    judged = {name: signal(evidence) for name, signal in SIGNALS.items()}
    opinions = {
        name: checked_opinion(name, opinion, evidence)
        for name, opinion in judged.items()
        if opinion is not None
    }
    logs = [np.log(np.maximum(opinion, 1e-12), dtype=np.float64) for opinion in opinions.values()]
    likeliest = {name: opinion.argmax(axis=1) for name, opinion in opinions.items()}
    return np.asarray(np.mean(logs, axis=0), np.float64), likeliest


def _teachers(model: NoiseModel, evidence: Evidence, checked: npt.NDArray[np.bool_]) -> Ids:
    """The labels without those that are probably wrong, int64 [n]; no class is left empty."""
    rows, teachers = evidence.labelled, evidence.labels.copy()
    known = teachers[rows]
    least = _SILENT_UNCLEAR + (_SILENT_CLEAR - _SILENT_UNCLEAR) * model.clearness
    doubted = (model.posterior[np.arange(len(rows)), known] < least) & ~checked[rows]
    left = np.bincount(known[~doubted], minlength=evidence.n_classes)
    teachers[rows[doubted & (left[known] > 0)]] = -1
    return teachers


def _checked(checked: npt.ArrayLike, labels: Ids) -> npt.NDArray[np.bool_]:
    flags = np.asarray(checked)
    if flags.dtype != np.bool_ or flags.shape not in ((), labels.shape):
        raise CuratorError(f"checked is {flags.dtype} {flags.shape}: wanted bool ({len(labels)},)")
    return np.broadcast_to(flags, labels.shape) & (labels >= 0)
