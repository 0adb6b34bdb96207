"""Several annotators: consensus whatever the order, reliability and agreement against oracles."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import cohen_kappa_score

import curator
from curator.annotators import (
    RULES,
    agreement,
    consensus,
    deciding_statements,
    fit_reliability,
    statements,
)
from curator.errors import CuratorError

from ._data import auroc, digits

Labels = npt.NDArray[np.int64]


def simulated(
    seed: int, accuracies: list[float], n: int = 400, missing: float = 0.3
) -> tuple[Labels, Labels]:
    """Annotations [n, annotators] of four classes by annotators of these accuracies, and the truth [n]."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, n)
    columns = [
        np.where(rng.random(n) < accuracy, truth, (truth + rng.integers(1, 4, n)) % 4)
        for accuracy in accuracies
    ]
    annotations = np.stack(columns, axis=1)
    annotations[rng.random(annotations.shape) < missing] = -1
    return annotations, truth


def textbook_dawid_skene(annotations: Labels, n_classes: int, settled: float) -> npt.NDArray[np.float64]:
    """The model as published, by plain loops."""
    n, n_annotators = annotations.shape
    true = np.array([[np.sum(row == c) for c in range(n_classes)] for row in annotations], float)
    true /= true.sum(axis=1, keepdims=True)
    before = np.zeros_like(true)
    while np.abs(true - before).max() >= settled:
        before, shares = true.copy(), true.mean(axis=0)
        confusion = np.zeros((n_annotators, n_classes, n_classes))
        for row in range(n):
            for annotator in range(n_annotators):
                if annotations[row, annotator] >= 0:
                    confusion[annotator, :, annotations[row, annotator]] += true[row]
        confusion /= confusion.sum(axis=2, keepdims=True)
        for row in range(n):
            joint = shares.copy()
            for annotator in range(n_annotators):
                if annotations[row, annotator] >= 0:
                    joint *= confusion[annotator, :, annotations[row, annotator]]
            true[row] = joint / joint.sum()
    return true


def test_reliability_without_shrinkage_is_dawid_and_skenes_model() -> None:
    annotations, _ = simulated(3, [0.9, 0.7, 0.6], n=120, missing=0.1)
    annotations = annotations[(annotations >= 0).any(axis=1)]
    found = fit_reliability(statements(annotations), shrinkage=0)
    assert np.allclose(found.probabilities, textbook_dawid_skene(annotations, 4, 1e-4), atol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_reliability_orders_annotators_and_beats_the_majority(seed: int) -> None:
    accuracies = [0.95, 0.75, 0.6, 0.45]
    annotations, truth = simulated(seed, accuracies)
    quality = fit_reliability(statements(annotations)).quality
    assert (np.diff(quality) < 0).all()
    assert np.allclose(quality, accuracies, atol=0.12)
    right = {rule: float(np.mean(consensus(annotations, rule=rule) == truth)) for rule in RULES}
    assert right["dawid-skene"] > right["majority"] > right["last"]


@settings(max_examples=50, deadline=None)
@given(
    hnp.arrays(np.int64, (8, 4), elements=st.integers(-1, 2)),
    st.integers(0, 99),
    st.sampled_from(list(RULES)),
)
def test_consensus_does_not_depend_on_the_order_of_other_images_statements(
    annotations: Labels, seed: int, rule: str
) -> None:
    said = statements(annotations)
    shuffled = np.random.default_rng(seed).permutation(len(said.rows))
    order = shuffled[np.argsort(said.annotators[shuffled], kind="stable")]  # among one image's: as they were
    labels = [
        dict(zip(said.rows[list(places)].tolist(), said.labels[list(places)].tolist(), strict=True))
        for places in (
            deciding_statements(said.rows, said.annotators, said.labels, rule=rule),
            order[
                deciding_statements(said.rows[order], said.annotators[order], said.labels[order], rule=rule)
            ],
        )
    ]
    assert labels[0] == labels[1]


@pytest.mark.parametrize("rule", ["majority", "dawid-skene"])
def test_consensus_without_ties_does_not_depend_on_who_spoke_first(rule: str) -> None:
    annotations, _ = simulated(0, [0.9, 0.8, 0.7, 0.6, 0.55], missing=0)
    counts = np.sort((annotations[:, :, None] == np.arange(4)).sum(axis=1), axis=1)
    clear = annotations[counts[:, -1] > counts[:, -2]]
    assert np.array_equal(consensus(clear, rule=rule), consensus(clear[:, ::-1], rule=rule))


def test_ties_go_to_the_last_and_silence_is_no_label() -> None:
    assert consensus([[0, 1, -1], [1, 0, -1], [-1, -1, -1], [2, 2, 0]]).tolist() == [1, 0, -1, 2]


def test_only_what_somebody_said_is_ever_chosen() -> None:
    annotations, _ = simulated(5, [0.3, 0.3, 0.3])
    chosen = consensus(annotations, rule="dawid-skene")
    assert all(label in row or (row < 0).all() for label, row in zip(chosen, annotations, strict=True))


def test_kappa_is_scikit_learns() -> None:
    annotations, truth = simulated(1, [0.9, 0.6, 0.5])
    found = agreement(annotations, truth)
    for one, other in [(0, 1), (0, 2), (1, 2)]:
        both = (annotations[:, [one, other]] >= 0).all(axis=1)
        wanted = cohen_kappa_score(annotations[both, one], annotations[both, other])
        assert found.kappa[one, other] == pytest.approx(wanted)
        assert found.shared[one, other] == both.sum()


def test_alpha_is_krippendorffs_own_example() -> None:
    """Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C: .743."""
    said = [
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    ]
    annotations = np.array([[-1 if cell == "." else int(cell) for cell in row.split()] for row in said]).T
    assert agreement(annotations, consensus(annotations)).alpha == pytest.approx(0.743, abs=5e-4)


def test_agreement_with_the_consensus_counts_only_what_others_labelled_too() -> None:
    found = agreement([[0, 0], [0, -1], [1, 0]], [0, 0, 1])
    assert found.with_consensus.tolist() == [1.0, 0.5]
    assert found.labels.tolist() == [3, 2]
    assert found.confusions[1].tolist() == [[1, 0], [1, 0]]


@pytest.mark.parametrize(
    ("annotations", "complaint"),
    [([0, 1], "shape"), ([[0.5]], "integers"), ([[0, -2]], "annotator 1 says -2 of row 0")],
)
def test_other_annotations_are_refused(annotations: object, complaint: str) -> None:
    with pytest.raises(CuratorError, match=complaint):
        consensus(annotations)  # type: ignore[arg-type]


def test_unknown_rule_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CuratorError, match="majority, dawid-skene, last"):
        consensus([[0]], rule="loudest")


def crew(seed: int, accuracies: list[float], share: float = 0.4) -> tuple[Labels, Labels]:
    """What annotators say of the digits, int [n, annotators], and the majority's labels [n]."""
    rng, classes = np.random.default_rng(seed), digits().classes
    n = len(classes)
    said = np.stack(
        [np.where(rng.random(n) < a, classes, (classes + rng.integers(1, 10, n)) % 10) for a in accuracies],
        axis=1,
    )
    said[rng.random(said.shape) >= share] = -1
    return said, consensus(said)


@pytest.mark.parametrize("seed", range(3))
def test_audit_with_annotators_orders_them_and_doubts_no_worse(seed: int) -> None:
    accuracies = [0.95, 0.85, 0.7, 0.5]
    data = digits()
    said, labels = crew(seed, accuracies)
    labelled = labels >= 0
    wrong = (labels != data.classes)[labelled]
    alone, together = (
        curator.audit(data.graph, labels, embeddings=data.embeddings, annotations=annotations)
        for annotations in (None, said)
    )
    assert (np.diff(together.annotator_quality) < 0).all()
    assert np.allclose(together.annotator_quality, accuracies, atol=0.05)
    doubts = [auroc(wrong, report.error_probability[labelled]) for report in (alone, together)]
    assert doubts[1] >= doubts[0] - 1e-4
    assert alone.annotator_quality.shape == (0,)
    assert np.allclose(together.annotator_noise.sum(axis=2), 1)
    low, high = together.error_count[1:]
    assert low <= wrong.sum() <= high


def test_audit_believes_the_better_annotator_of_two_who_disagree() -> None:
    data, (said, _) = digits(), crew(0, [0.97, 0.5], share=1.0)
    report = curator.audit(data.graph, said[:, 1], embeddings=data.embeddings, annotations=said)
    disagree = said[:, 0] != said[:, 1]
    assert report.error_probability[disagree].mean() > 0.7
    assert report.error_probability[~disagree].mean() < 0.05


def test_annotators_who_say_nothing_change_nothing() -> None:
    data, (said, labels) = digits(), crew(1, [0.9, 0.8, 0.7])
    silent = np.full((data.n, 1), -1)
    heard, more = (
        curator.audit(data.graph, labels, annotations=annotations)
        for annotations in (said, np.hstack([said, silent]))
    )
    assert np.allclose(heard.error_probability, more.error_probability, equal_nan=True)
    assert np.isnan(more.annotator_quality[3])


def test_audit_refuses_annotations_of_other_rows() -> None:
    data = digits()
    with pytest.raises(CuratorError, match="annotations have shape"):
        curator.audit(data.graph, data.classes, annotations=[[0, 1]])
