"""Where several annotators labelled an image, each of them is a witness, instead of the one label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from curator._arrays import Ids
from curator.annotators.reliability import Reliability, fit_reliability
from curator.annotators.statements import statements
from curator.audits._evidence import Evidence
from curator.audits._noise import NoiseModel

_SURE = 1 - 1e-6  # that a label which a person has checked is right


def hear_annotators(
    model: NoiseModel, evidence: Evidence, annotations: Ids, checked: npt.NDArray[np.bool_]
) -> tuple[NoiseModel, Reliability]:
    """The model once each annotator's statements count for themselves.

    What the signals say of an image, judged without its label, is the prior of Dawid and Skene's model; the
    annotators' errors and the true classes are fitted to each other by EM from there. Near duplicates that
    are labelled differently keep what `model` says of them: there the labels of the others weigh more.

    Args:
        model: fitted to the labels.
        evidence: the labels.
        annotations: what each annotator says, int64 [n, annotators], -1 for nothing.
        checked: labels that people have checked, bool [n].

    """
    prior = model.true.copy()
    known = np.flatnonzero(checked & (evidence.labels >= 0))
    prior[known] = (1 - _SURE) / max(evidence.n_classes - 1, 1)
    prior[known, evidence.labels[known]] = _SURE
    found = fit_reliability(statements(annotations), prior=prior, n_annotators=annotations.shape[1])
    rows = evidence.labelled
    heard = (annotations[rows] >= 0).any(axis=1) & ~_contested(evidence)[rows]
    posterior = np.where(heard[:, None], found.probabilities[rows], model.posterior)
    return replace(model, posterior=posterior), found


def _contested(evidence: Evidence) -> npt.NDArray[np.bool_]:
    """Images of whose near duplicates one is labelled otherwise than another, bool [n]."""
    groups, labels = evidence.groups, evidence.labels
    known = labels >= 0
    pairs = np.unique(np.stack([groups[known], labels[known]]), axis=1)
    return np.asarray(np.bincount(pairs[0], minlength=int(groups.max(initial=0)) + 1)[groups] > 1)
