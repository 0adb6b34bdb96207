"""How the workspace's annotators agree, and the rule by which their words make one label."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from curator.annotators import RULES, Agreement, fit_reliability, statements
from curator.annotators import agreement as compare
from curator.errors import CuratorError
from curator.store.labels import RULE_SETTING, consensus_statements
from curator.store.workspace import Workspace
from curator.tables import cells

ANNOTATOR_COLUMNS = ["annotator", "labels", "agreement_with_consensus", "quality"]
PAIR_COLUMNS = ["annotator", "other", "shared", "kappa"]
CONFUSION_COLUMNS = ["annotator", "consensus", "said", "count"]
_CONFUSIONS = 10  # the most frequent ones that are listed


@dataclass(frozen=True)
class AgreementReport:
    """How far annotators agree: each with the consensus, pairs (Cohen's kappa), all (Krippendorff's alpha).

    `quality` is how probably a label of that annotator is right, by Dawid and Skene's model of who errs how.
    """

    rule: str
    images: int
    labelled_by_several: int
    contested: int
    alpha: float
    annotators: pd.DataFrame
    pairs: pd.DataFrame
    confusions: pd.DataFrame


@dataclass(frozen=True)
class ConsensusReport:
    """The rule in force, the one before, how many images are contested, and how many labels changed."""

    rule: str
    before: str
    contested: int
    changed: int


def label_agreement(workspace: Workspace) -> AgreementReport:
    """Compare what annotators said last of each image.

    Raises:
        CuratorError: nobody has labelled anything yet.

    """
    said = workspace.labels.statements()
    if not said:
        raise CuratorError("there are no labels to compare yet: see `curator label import --help`")
    names = sorted({each.label for each in said})
    image_ids = np.array(sorted({each.image_id for each in said}), np.int64)
    codes, annotators = workspace.labels.annotations(image_ids, names)
    current, code = workspace.labels.current(), {name: place for place, name in enumerate(names)}
    labels = np.array([code[current[i].label] for i in image_ids.tolist()], np.int64)
    found = compare(codes, labels)
    several = (codes >= 0).sum(axis=1) > 1
    return AgreementReport(
        rule=workspace.labels.rule(),
        images=len(image_ids),
        labelled_by_several=int(several.sum()),
        contested=int(((codes >= 0) & (codes != labels[:, None])).any(axis=1).sum()),
        alpha=found.alpha,
        annotators=_annotators(found, annotators, fit_reliability(statements(codes)).quality),
        pairs=_pairs(found, annotators),
        confusions=_confusions(found, annotators, names),
    )


def label_consensus(workspace: Workspace, rule: str | None = None) -> ConsensusReport:
    """Say by which rule annotators' words make one label, or set it.

    Raises:
        CuratorError: an unknown rule.

    """
    before = workspace.labels.rule()
    if rule is not None and rule not in RULES:
        raise CuratorError(f"there is no consensus rule {rule!r}: choose one of {', '.join(RULES)}")
    said = workspace.labels.statements()
    old, new = (
        {each.image_id: each.label for each in consensus_statements(said, name)}
        for name in (before, rule or before)
    )
    if rule is not None:
        workspace.set(RULE_SETTING, rule)
    contested = {each.image_id for each in said if each.label != new[each.image_id]}
    changed = sum(label != old[image_id] for image_id, label in new.items())
    return ConsensusReport(rule or before, before, len(contested), changed)


def _annotators(found: Agreement, names: list[str], quality: np.ndarray) -> pd.DataFrame:
    columns = zip(names, found.labels.tolist(), found.with_consensus, quality, strict=True)
    return cells([dict(zip(ANNOTATOR_COLUMNS, row, strict=True)) for row in columns], ANNOTATOR_COLUMNS)


def _pairs(found: Agreement, names: list[str]) -> pd.DataFrame:
    rows = [
        dict(zip(PAIR_COLUMNS, (names[i], names[j], int(found.shared[i, j]), found.kappa[i, j]), strict=True))
        for i, j in zip(*np.triu_indices(len(names), 1), strict=True)
        if found.shared[i, j]
    ]
    return cells(rows, PAIR_COLUMNS)


def _confusions(found: Agreement, annotators: list[str], names: list[str]) -> pd.DataFrame:
    """The most frequent departures from the consensus."""
    counts = found.confusions * (1 - np.eye(len(names), dtype=np.int64))
    order = np.argsort(-counts, axis=None, kind="stable")[:_CONFUSIONS]
    rows = [
        dict(zip(CONFUSION_COLUMNS, (annotators[a], names[c], names[s], int(counts[a, c, s])), strict=True))
        for a, c, s in zip(*np.unravel_index(order, counts.shape), strict=True)
        if counts[a, c, s]
    ]
    return cells(rows, CONFUSION_COLUMNS)
