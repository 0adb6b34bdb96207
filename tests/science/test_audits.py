from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import average_precision_score

from curator.audits import SIGNALS, AuditReport, Evidence, audit
from curator.errors import CuratorError
from curator.neighbors.near_duplicates import near_duplicate_groups
from curator_indexes import KnnGraph, knn_graph
from tests.science._data import EVERY, Data, auroc, blobs, digits, of, shared_file, with_bursts, with_errors

Labels = npt.NDArray[np.int64]


def ask(data: Data, labels: Labels, **options: Any) -> AuditReport:
    return audit(data.graph, labels, embeddings=data.embeddings, **options)


@cache
def digits_audit(share: float, with_embeddings: bool) -> tuple[Labels, AuditReport]:
    data = digits()
    given_labels = with_errors(data.classes, share, seed=1)
    embeddings = data.embeddings if with_embeddings else None
    return given_labels, audit(data.graph, given_labels, embeddings=embeddings)


def assert_lawful(report: AuditReport, labels: Labels, n_classes: int) -> None:
    labelled = labels >= 0
    probability = report.error_probability
    assert probability.shape == report.suggested_labels.shape == report.issues.shape == labels.shape
    np.testing.assert_array_equal(np.isnan(probability), ~labelled)
    assert ((probability[labelled] >= 0) & (probability[labelled] <= 1)).all()
    assert report.threshold <= 0.5
    np.testing.assert_array_equal(report.issues, np.nan_to_num(probability) >= report.threshold)
    assert np.isin(report.suggested_labels, labels[labelled]).all()
    if len(np.unique(labels[labelled])) > 1:
        assert (report.suggested_labels != labels)[report.issues].all()
    estimate, low, high = report.error_count
    assert estimate == pytest.approx(np.nansum(probability))
    assert 0 <= low <= estimate <= high <= labelled.sum()
    agreement = report.neighbor_agreement[~np.isnan(report.neighbor_agreement)]
    assert ((agreement >= 0) & (agreement <= 1 + 1e-6)).all()
    assert np.isnan(report.neighbor_agreement[~labelled]).all()
    assert report.noise_matrix.shape == (n_classes, n_classes)
    rows = report.noise_matrix[np.unique(labels[labelled])]
    np.testing.assert_allclose(np.nansum(rows, axis=1), 1)


@pytest.mark.parametrize("name", [*EVERY])
@pytest.mark.parametrize("with_embeddings", [True, False])
@pytest.mark.parametrize("every", [1, 2, 9, 100])
def test_laws_on_every_data_set(name: str, with_embeddings: bool, every: int) -> None:
    data = EVERY[name]()
    labels = data.labels(np.arange(0, data.n, every))
    embeddings = data.embeddings if with_embeddings else None
    first, second = (audit(data.graph, labels, embeddings=embeddings, n_classes=11, seed=2) for _ in range(2))
    assert_lawful(first, labels, 11)
    assert first.error_probability.tobytes() == second.error_probability.tobytes()


@pytest.mark.parametrize("with_embeddings", [True, False])
@pytest.mark.parametrize("share", [0.05, 0.2])
def test_planted_errors_are_found_on_digits(share: float, with_embeddings: bool) -> None:
    data = digits()
    labels, report = digits_audit(share, with_embeddings)
    wrong = labels != data.classes
    assert auroc(wrong, report.error_probability) > 0.97
    assert f1(report.issues, wrong) > 0.85
    assert (report.suggested_labels == data.classes)[report.issues & wrong].mean() > 0.9


def f1(flagged: npt.NDArray[np.bool_], wrong: npt.NDArray[np.bool_]) -> float:
    return float(2 * (flagged & wrong).sum() / (flagged.sum() + wrong.sum()))


@pytest.mark.parametrize("with_embeddings", [True, False])
@pytest.mark.parametrize("share", [0.05, 0.2])
def test_error_probability_is_one_on_digits(share: float, with_embeddings: bool) -> None:
    data = digits()
    labels, report = digits_audit(share, with_embeddings)
    wrong, probability = labels != data.classes, report.error_probability
    bins = np.minimum((probability * 5).astype(int), 4)
    gaps = [(bins == i).mean() * abs((probability - wrong)[bins == i].mean()) for i in np.unique(bins)]
    assert sum(gaps) < 0.03


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_weak_embeddings_prove_no_error(share: float) -> None:
    """Where classes run into each other, disagreement must not be counted as errors for certain."""
    data = blobs(spread=1.0)
    labels = with_errors(data.classes, share, seed=4)
    report = ask(data, labels)
    assert report.supported < 0.7
    assert report.error_count.low <= (labels != data.classes).sum() <= report.error_count.high


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.3])
@pytest.mark.parametrize("spread", [0.15, 0.3])
def test_error_count_contains_the_planted_number(share: float, spread: float) -> None:
    data = blobs(spread=spread)
    labels = with_errors(data.classes, share, seed=4)
    _, low, high = ask(data, labels).error_count
    assert low <= (labels != data.classes).sum() <= high


def test_noise_matrix_shows_which_class_is_mistaken_for_which() -> None:
    data = digits()
    labels = data.classes.copy()
    threes = np.flatnonzero(labels == 3)
    labels[threes[::4]] = 8
    noise = ask(data, labels).noise_matrix
    assert noise[3, 8] == pytest.approx(0.25, abs=0.05)
    assert np.diag(noise)[[0, 1, 2, 4, 5, 6, 7, 8, 9]].min() > 0.9


def test_a_set_of_copies_is_no_sample_to_train_on() -> None:
    rows = of(np.ones((40, 3)), np.arange(40) % 2)
    assert "linear_head" not in ask(rows, rows.classes).signals


def test_a_burst_of_wrong_copies_does_not_outvote_the_others() -> None:
    data = blobs()
    burst = np.repeat(data.embeddings[:1], 6, axis=0)
    rows = of(np.vstack([data.embeddings, burst]), [*data.classes, *([1] * 6)], k=30)
    report = audit(rows.graph, rows.classes)
    assert report.issues[-6:].all()
    assert not report.issues[:-6].any()


@pytest.mark.parametrize("copies", [2, 6, 11, 24])
@pytest.mark.parametrize("k", [10, 15, 30])
def test_bursts_that_share_a_wrong_label_do_not_vote_for_it(copies: int, k: int) -> None:
    data = digits(k)
    labels = with_errors(data.classes, 0.05, seed=1)
    plain = auroc(labels != data.classes, ask(data, labels).error_probability)
    more, given_labels = with_bursts(data, labels, copies, k)
    wrong = given_labels != more.classes
    assert auroc(wrong, ask(more, given_labels).error_probability) > plain - 0.02
    if copies < k:  # else no list shows another image, and without embeddings there is nothing to search in
        assert auroc(wrong, audit(more.graph, given_labels).error_probability) > plain - 0.02


def test_copies_vote_where_nothing_guards_against_it() -> None:
    """What the guard is worth: the plain vote of the same neighbours, in bursts of 11."""
    data = digits(15)
    more, labels = with_bursts(data, with_errors(data.classes, 0.05, seed=1), 11, 15)
    agreeing = (labels[more.graph.neighbors] == labels[:, None]).mean(axis=1)
    assert auroc(labels != more.classes, -agreeing) < 0.7


@pytest.mark.parametrize("spread", [0.05, 0.15, 0.5])
def test_images_of_one_class_are_not_near_duplicates(spread: float) -> None:
    data = blobs(spread=spread)
    assert np.bincount(near_duplicate_groups(data.graph)).max() <= 2


def test_near_duplicates_under_two_labels_are_named() -> None:
    data = digits(15)
    more, _ = with_bursts(
        data, np.where(np.arange(data.n) == 7, (data.classes + 1) % 10, data.classes), 3, 15
    )
    labels = more.classes.copy()
    labels[-1] = (labels[-1] + 1) % 10
    contradicting = np.flatnonzero(ask(more, labels).contradictions)
    assert set(contradicting) == {7, more.n - 2, more.n - 1}


def test_the_only_label_of_its_class_is_not_called_wrong() -> None:
    data = blobs()
    labels = data.classes.copy()
    labels[5] = 4
    report = ask(data, labels)
    assert not report.issues[5]
    assert report.error_probability[5] < 0.5


def test_one_class_has_no_errors_to_find() -> None:
    data = blobs()
    report = ask(data, np.zeros(data.n, np.int64))
    assert not report.issues.any()
    assert report.error_count.estimate == pytest.approx(0, abs=1e-9)


def test_classes_without_labels_are_never_suggested() -> None:
    data = blobs()
    labels = np.where(data.classes == 0, 7, 3)
    report = ask(data, labels, n_classes=9)
    assert set(report.suggested_labels.tolist()) <= {3, 7}
    assert np.isnan(report.noise_matrix[0]).all()


def test_too_few_labels_for_a_classifier_leave_the_neighbours() -> None:
    data = blobs()
    few = ask(data, data.labels(np.arange(0, 240, 20))).signals
    assert "neighborhood" in few
    assert "linear_head" not in few
    assert "linear_head" in ask(data, data.classes).signals
    assert "linear_head" not in audit(data.graph, data.classes).signals


def test_signals_named_are_those_of_the_round_that_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    data = blobs()
    rounds: list[int] = []

    def speaks_once(_evidence: Evidence) -> npt.NDArray[np.float32] | None:
        rounds.append(len(rounds))
        return np.full((data.n, 4), 0.25, np.float32) if len(rounds) == 1 else None

    monkeypatch.setitem(SIGNALS, "once", speaks_once)
    assert "once" not in ask(data, data.classes).signals
    assert rounds == [0, 1]


def test_opinions_are_classes_that_have_labels() -> None:
    data = blobs()
    labels = np.where(data.classes == 0, 7, 3)
    report = ask(data, labels, n_classes=9)
    assert tuple(report.opinions) == report.signals
    for likeliest in report.opinions.values():
        np.testing.assert_array_equal(likeliest, labels)
    assert report.likeliest(5) == {7: list(report.signals)}


def test_a_class_is_told_with_the_signals_that_find_it_likeliest() -> None:
    report = replace(
        ask(blobs(), blobs().classes),
        opinions={"a": np.array([2, 0]), "b": np.array([1, 0]), "c": np.array([2, 1])},
    )
    assert report.likeliest(0) == {2: ["a", "c"], 1: ["b"]}
    assert report.likeliest(1) == {0: ["a", "b"], 1: ["c"]}


def test_permuted_rows_give_permuted_doubts() -> None:
    data = digits()
    labels, report = digits_audit(0.05, False)
    order = np.random.default_rng(3).permutation(data.n)
    moved = audit(knn_graph(data.embeddings[order], 30), labels[order])
    np.testing.assert_allclose(moved.error_probability, report.error_probability[order], atol=5e-3)


def test_nothing_to_audit_is_said() -> None:
    with pytest.raises(CuratorError, match="no label to audit"):
        audit(blobs().graph, blobs().unlabelled)


def test_embeddings_of_other_images_are_refused() -> None:
    for labels in (blobs().classes, blobs().labels([0])):  # of one label no signal asks for embeddings
        with pytest.raises(CuratorError, match="the graph has 240 rows"):
            audit(blobs().graph, labels, embeddings=np.eye(3))


def test_embeddings_that_are_not_finite_are_refused() -> None:
    rows = blobs().embeddings.copy()
    rows[7, 2] = np.nan
    with pytest.raises(CuratorError, match="embedding 7 holds NaN"):
        audit(blobs().graph, blobs().classes, embeddings=rows)


@pytest.mark.parametrize(
    ("name", "least"), [("aggre", (0.945, 0.74, 0.65)), ("random1", (0.955, 0.86, 0.75))]
)
def test_human_errors_are_found_on_real_embeddings(name: str, least: tuple[float, float, float]) -> None:
    """A fifth of CIFAR-10N; cleanlab on all of it: AUROC, AP, F1 .943 .720 .588 and .956 .859 .747."""
    stored, people = np.load(shared_file("reference-embeddings.npz")), np.load(shared_file("cifar10n.npz"))
    rows = slice(0, 50_000, 5)
    graph: KnnGraph = knn_graph(stored["train"][rows], 50)
    labels, wrong = people[name][rows].astype(np.int64), (people[name] != people["true"])[rows]
    report = audit(graph, labels, embeddings=stored["train"][rows])
    probability = report.error_probability
    found = auroc(wrong, probability), average_precision_score(wrong, probability), f1(report.issues, wrong)
    assert all(value > bound for value, bound in zip(found, least, strict=True)), found
    assert report.error_count.low <= wrong.sum() <= report.error_count.high
