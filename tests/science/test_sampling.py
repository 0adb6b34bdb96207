from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from curator.audits import Sample, audit, draw_sample, estimate_errors
from curator.audits._recalibration import best_threshold, recalibrated, rows_at_precision
from curator.audits.explanations import explain
from curator.audits.sampling import rows_worth_checking
from curator.errors import CuratorError
from curator_indexes import knn_graph
from tests.science._data import blobs, digits, shared_file, with_errors

Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
N = 5000


def judged(sample: Sample, wrong: Flags, count: int | None = None) -> Sample:
    """The sample with verdicts on its first rows."""
    verdicts = wrong[sample.rows].astype(float)
    verdicts[len(verdicts) if count is None else count :] = np.nan
    return replace(sample, wrong=verdicts)


def scored(kind: str) -> tuple[Reals, Flags]:
    """Error probabilities and what is true: as said, too sure, too doubtful, or of no use at all."""
    rng = np.random.default_rng(0)
    truth = rng.beta(0.3, 1.5, N)
    wrong = rng.random(N) < truth
    logit = np.log(truth / (1 - truth))
    told = {"honest": logit, "too sure": 2 * logit - 1, "doubtful": logit / 2 + 1, "useless": 0 * logit - 2}
    return 1 / (1 + np.exp(-told[kind])), wrong


KINDS = ["honest", "too sure", "doubtful", "useless"]


@pytest.mark.parametrize("budget", [1, 2, 14, 15, 299, N, N + 7])
def test_sample_has_as_many_rows_as_asked_for_and_none_twice(budget: int) -> None:
    probability, _ = scored("honest")
    sample = draw_sample(probability, budget, seed=3)
    assert len(np.unique(sample.rows)) == len(sample.rows) == min(budget, N)
    assert sample.labels == N
    assert ((sample.inclusion > 0) & (sample.inclusion <= 1)).all()
    assert (draw_sample(probability, budget, seed=3).rows == sample.rows).all()


def test_inclusion_is_how_often_a_label_is_drawn() -> None:
    probability, _ = scored("honest")
    drawn, promised = np.zeros(N), np.full(N, np.nan)
    for seed in range(400):
        sample = draw_sample(probability, 300, seed=seed)
        drawn[sample.rows] += 1
        promised[sample.rows] = sample.inclusion
    often = promised > 0.1
    assert often.sum() > 500
    np.testing.assert_allclose(drawn[often] / 400, promised[often], atol=0.1)


def test_checked_and_unlabelled_labels_are_not_drawn() -> None:
    probability, _ = scored("honest")
    probability[::2] = np.nan
    checked = np.arange(N) % 4 == 1
    sample = draw_sample(probability, N, checked=checked)
    assert sorted(sample.rows) == list(range(3, N, 4))
    with pytest.raises(CuratorError, match="no label left"):
        draw_sample(probability, 5, checked=np.ones(N, bool))
    with pytest.raises(CuratorError, match="0 rows"):
        draw_sample(probability, 0)


def assert_covers(probability: Reals, wrong: Flags, *, width: float, trials: int = 300) -> None:
    """A 95 % interval from 300 verdicts holds the truth in at least 93 % of the trials, and is narrow."""
    held, widths = [], []
    for seed in range(trials):
        sample = judged(draw_sample(probability, 300, seed=seed), wrong)
        estimate, low, high = estimate_errors([sample])
        assert 0 <= low <= estimate <= high <= len(wrong)
        held.append(low <= wrong.sum() <= high)
        widths.append((high - low) / len(wrong))
    assert np.mean(held) >= 0.93
    assert np.mean(widths) <= width


@pytest.mark.parametrize("kind", KINDS)
def test_interval_holds_whatever_the_probabilities_are_worth(kind: str) -> None:
    assert_covers(*scored(kind), width=0.1)


@pytest.mark.parametrize("name", ["aggre", "random1"])
def test_interval_on_human_noise_is_at_most_6_points_wide(name: str) -> None:
    stored, people = np.load(shared_file("reference-embeddings.npz")), np.load(shared_file("cifar10n.npz"))
    rows = slice(0, 50_000, 10)
    labels, wrong = people[name][rows].astype(np.int64), (people[name] != people["true"])[rows]
    report = audit(knn_graph(stored["train"][rows], 50), labels, embeddings=stored["train"][rows])
    assert_covers(report.error_probability, wrong, width=0.06)


@pytest.mark.parametrize("count", [60, 150])
def test_whoever_stops_early_has_still_judged_at_random(count: int) -> None:
    probability, wrong = scored("too sure")
    held = []
    for seed in range(300):
        _, low, high = estimate_errors([judged(draw_sample(probability, 300, seed=seed), wrong, count)])
        held.append(low <= wrong.sum() <= high)
    assert np.mean(held) >= 0.93


def test_two_samples_with_corrections_between_them_still_count_what_is_left() -> None:
    """The first sample is corrected, then the 200 most suspect labels, then a second sample is drawn."""
    held = []
    for seed in range(200):
        probability, wrong = scored("honest")
        first = judged(draw_sample(probability, 150, seed=seed), wrong)
        checked = np.zeros(N, bool)
        checked[first.rows] = True
        checked[np.argsort(-probability)[:200]] = True
        left = wrong & ~checked
        first = replace(first, corrected=int((wrong & checked).sum()))
        second = judged(draw_sample(probability, 150, checked=checked, seed=seed + 1000), left)
        _, low, high = estimate_errors([first, second])
        held.append(low <= left.sum() <= high)
    assert np.mean(held) >= 0.93


def test_no_verdict_is_no_estimate() -> None:
    with pytest.raises(CuratorError, match="judged"):
        estimate_errors([draw_sample(scored("honest")[0], 50)])


def test_labels_all_found_right_leave_an_upper_bound() -> None:
    sample = judged(draw_sample(np.full(N, 0.01), 300), np.zeros(N, bool))
    estimate, low, high = estimate_errors([sample])
    assert low == 0
    assert estimate < 0.01 * N
    assert 0.001 * N < high < 0.03 * N


def calibration_error(probability: Reals, wrong: Flags) -> float:
    bins = np.minimum((probability * 10).astype(int), 9)
    return float(sum(abs((probability - wrong)[bins == i].sum()) for i in range(10)) / len(wrong))


@pytest.mark.parametrize("kind", ["too sure", "doubtful", "honest"])
def test_verdicts_calibrate_the_probabilities(kind: str) -> None:
    probability, wrong = scored(kind)
    sample = judged(draw_sample(probability, 300, seed=1), wrong)
    rest = np.setdiff1d(np.arange(N), sample.rows)
    after = recalibrated(probability, [sample])
    assert calibration_error(after[rest], wrong[rest]) < 0.04
    assert (np.argsort(after, kind="stable") == np.argsort(probability, kind="stable")).mean() > 0.99
    if kind != "honest":
        assert calibration_error(probability, wrong) > 0.08, "there was something to put right"


@pytest.mark.parametrize("kind", ["too sure", "doubtful", "honest"])
@pytest.mark.parametrize("precision", [0.7, 0.9])
def test_promised_precision_holds_on_labels_that_nobody_checked(kind: str, precision: float) -> None:
    probability, wrong = scored(kind)
    held, lengths = [], []
    for seed in range(60):
        sample = judged(draw_sample(probability, 300, seed=seed), wrong)
        rest = np.setdiff1d(np.arange(N), sample.rows)
        after = recalibrated(probability, [sample])
        length = rows_at_precision(after[rest], precision, [sample])
        listed = rest[np.argsort(-after[rest], kind="stable")[:length]]
        held.append(not length or wrong[listed].mean() >= precision)
        lengths.append(length)
    assert np.mean(held) >= 0.9
    assert np.median(lengths) > 0 or precision == 0.9


def test_threshold_has_the_highest_expected_f1() -> None:
    probability, _ = scored("honest")

    def expected(threshold: float) -> float:
        flagged = probability >= threshold
        return float(2 * probability[flagged].sum() / (flagged.sum() + probability.sum()))

    best = best_threshold(probability)
    assert expected(best) == pytest.approx(max(expected(value) for value in probability))
    assert best_threshold(np.zeros(4)) == 0.5


def test_more_rows_are_worth_checking_until_the_interval_is_narrow() -> None:
    probability, wrong = scored("honest")
    needed = rows_worth_checking(probability, estimate_errors([judged(draw_sample(probability, 30), wrong)]))
    sample = judged(draw_sample(probability, 30), wrong)
    more = rows_worth_checking(probability, estimate_errors([sample]), [sample])
    assert needed > 0
    assert more > 0
    enough = judged(draw_sample(probability, 2 * (30 + more)), wrong)
    count = estimate_errors([enough])
    assert rows_worth_checking(probability, count, [enough]) == 0
    assert (count.high - count.low) / N <= 0.06


def test_audit_rests_on_the_verdicts_it_is_given() -> None:
    data = digits()
    labels = with_errors(data.classes, 0.1, seed=1)
    wrong = labels != data.classes
    before = audit(data.graph, labels, embeddings=data.embeddings)
    sample = judged(before.sample(400), wrong)
    corrected, checked = labels.copy(), np.zeros(data.n, bool)
    corrected[sample.rows], checked[sample.rows] = data.classes[sample.rows], True
    sample = replace(sample, corrected=int(wrong[sample.rows].sum()))
    after = audit(data.graph, corrected, embeddings=data.embeddings, checked=checked, samples=[sample])
    assert after.error_count == estimate_errors([sample])
    assert after.error_count.low <= (corrected != data.classes).sum() <= after.error_count.high
    assert after.error_count.high - after.error_count.low < before.error_count.high - before.error_count.low
    assert (after.error_probability[checked] == 0).all()
    assert not (after.issues | after.contradictions)[checked].any()
    assert not set(after.sample(300).rows) & set(sample.rows)
    listed = after.at_precision(0.9)
    assert wrong[listed].mean() >= 0.9
    assert not checked[listed].any()


@pytest.mark.parametrize("precision", [0.0, 1.01, float("nan")])
def test_impossible_precision_is_refused(precision: float) -> None:
    report = audit(blobs().graph, blobs().classes)
    with pytest.raises(CuratorError, match="precision"):
        report.at_precision(precision)


def test_checks_of_other_images_are_refused() -> None:
    with pytest.raises(CuratorError, match="wanted bool"):
        audit(blobs().graph, blobs().classes, checked=np.zeros(3, bool))


def test_explanation_counts_the_neighbours_and_watches_k() -> None:
    data = blobs()
    labels = data.classes.copy()
    labels[5] = 2
    right, wrong = explain(data.graph, labels, [4, 5])
    assert (right.stability, wrong.stability) == (0.0, 1.0)
    assert wrong.majorities == {5: 0, 10: 0}
    assert wrong.votes.sum() == len(wrong.neighbors) == 15
    assert wrong.votes.argmax() == 0
    assert (labels[wrong.neighbors] == wrong.labels).all()
    assert 5 not in wrong.neighbors
    alone = explain(data.graph, data.unlabelled, [4])[0]
    assert len(alone.neighbors) == 0
    assert np.isnan(alone.stability)
    with pytest.raises(CuratorError, match="no row 999"):
        explain(data.graph, labels, [999])
