"""What holds for every doubt signal: it gives probabilities, and does not know the label that it judges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator._arrays import checked_embeddings
from curator.audits import SIGNALS, Evidence, audit
from curator.audits._evidence import checked_opinion
from curator.neighbors.bursts import groups_and_outsiders
from tests.science._data import EVERY, Data, blobs, digits, of, with_bursts, with_errors

Labels = npt.NDArray[np.int64]
Opinion = npt.NDArray[np.float32]

COPIES = 3
every_signal = pytest.mark.parametrize("name", SIGNALS)


def evidence(data: Data, labels: Labels, *, embeddings: bool = True) -> Evidence:
    """What `audit` shows the signals in its first round."""
    vectors = checked_embeddings(data.embeddings, data.n) if embeddings else None
    groups, outsiders = groups_and_outsiders(data.graph, labels, vectors)
    return Evidence(outsiders, labels, int(labels.max()) + 1, groups, vectors, 0, labels)


def heard(name: str, known: Evidence) -> Opinion:
    opinion = SIGNALS[name](known)
    assert opinion is not None
    return opinion


def copied(spread: float) -> Data:
    """Each image of four clusters three times over, side by side."""
    data = blobs(spread=spread)
    return of(np.repeat(data.embeddings, COPIES, axis=0), np.repeat(data.classes, COPIES))


def other_than(labels: Labels, rows: npt.NDArray[np.intp], step: int) -> Labels:
    changed = labels.copy()
    changed[rows] = (changed[rows] + step) % 4
    return changed


@every_signal
@pytest.mark.parametrize("copies", [1, 2, 6])
def test_labels_at_random_are_predicted_at_chance(name: str, copies: int) -> None:
    """By a signal that knew an image's label, or that of its copy, they would be predicted well."""
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(400, 64)), rng.integers(0, 4, 400)
    data = of(np.repeat(images, copies, axis=0), np.repeat(labels, copies))
    opinion = heard(name, evidence(data, data.classes))
    assert (opinion.argmax(axis=1) == data.classes).mean() < 0.35


BY_THE_PRIOR = 1 / 240  # the share of one of 240 images in it
BY_OTHER_FOLDS = 0.05  # they are drawn by class: with a changed label, a classifier learns from other images


@every_signal
@settings(max_examples=15, deadline=None)
@given(row=st.integers(0, 239), step=st.integers(1, 3))
def test_an_image_is_judged_without_its_own_label(name: str, row: int, step: int) -> None:
    data = blobs()
    known = evidence(data, data.classes)
    changed = other_than(data.classes, np.array([row]), step)
    before = heard(name, known)[row]
    taught = heard(name, replace(known, teachers=changed))[row]
    np.testing.assert_allclose(taught, before, atol=BY_THE_PRIOR)
    told = heard(name, replace(known, labels=changed, teachers=changed))[row]
    np.testing.assert_allclose(told, before, atol=BY_OTHER_FOLDS)


@every_signal
@settings(max_examples=15, deadline=None)
@given(row=st.integers(0, 239), step=st.integers(1, 3))
def test_an_image_is_judged_without_the_labels_of_its_near_duplicates(name: str, row: int, step: int) -> None:
    data = copied(0.15)
    known = evidence(data, data.classes)
    twins = np.arange(row * COPIES + 1, (row + 1) * COPIES)
    assert (known.groups[twins] == known.groups[row * COPIES]).all()
    changed = other_than(data.classes, twins, step)
    before = heard(name, known)[row * COPIES]
    taught = heard(name, replace(known, teachers=changed))[row * COPIES]
    np.testing.assert_allclose(taught, before, atol=BY_THE_PRIOR)
    told = heard(name, replace(known, labels=changed, teachers=changed))[row * COPIES]
    np.testing.assert_allclose(told, before, atol=BY_OTHER_FOLDS)


@every_signal
@pytest.mark.parametrize("copies", [6, 24])
def test_nothing_is_learnt_from_a_burst_about_itself(name: str, copies: int) -> None:
    more, labels = with_bursts(digits(15), with_errors(digits().classes, 0.05, seed=1), copies, 15)
    opinion = heard(name, evidence(more, labels))
    burst = np.arange(digits().n, more.n)
    assert (opinion.argmax(axis=1) == labels)[burst].mean() < 0.1


@every_signal
def test_labels_that_do_not_teach_are_not_learnt_from(name: str) -> None:
    data = blobs()
    wrong = np.where(np.arange(data.n) % 2, data.classes, (data.classes + 1) % 4)
    known = replace(evidence(data, wrong), teachers=data.labels(np.arange(1, data.n, 2)))
    assert (heard(name, known).argmax(axis=1) == data.classes).all()


FEW = {
    "one class": [0] * 60,
    "a label a class": [0, 60, 120, 180],
    "one label": [7],
    "a third": range(0, 240, 3),
}


def assert_valid(name: str, known: Evidence) -> None:
    opinion = SIGNALS[name](known)
    if opinion is not None:
        assert checked_opinion(name, opinion, known) is opinion
        assert opinion.dtype == np.float32
        assert (opinion > 0).all()


@every_signal
@pytest.mark.parametrize("embeddings", [True, False])
@pytest.mark.parametrize("ids", FEW.values(), ids=FEW)
def test_with_few_labels_it_says_nothing_or_probabilities(
    name: str, ids: list[int], embeddings: bool
) -> None:
    data = blobs(spread=0.4)
    assert_valid(name, evidence(data, data.labels(ids), embeddings=embeddings))


@every_signal
@pytest.mark.parametrize("embeddings", [True, False])
@pytest.mark.parametrize("of_what", EVERY)
def test_of_every_data_set_it_says_nothing_or_probabilities(
    name: str, of_what: str, embeddings: bool
) -> None:
    data = EVERY[of_what]()
    assert_valid(name, evidence(data, data.classes, embeddings=embeddings))


def spoilt(value: float) -> Opinion:
    opinion = np.full((240, 4), 0.25, np.float32)
    opinion[17] = value
    return opinion


@pytest.mark.parametrize(
    ("opinion", "said"),
    [
        (spoilt(np.nan), "row 17 a sum of nan and a lowest value of nan: wanted probabilities"),
        (spoilt(np.inf), "row 17 a sum of inf"),
        (spoilt(1.5), "row 17 a sum of 6 and a lowest value of 1.5"),
        (np.array([[-1, 0, 1, 1]] * 240), "row 0 a sum of 1 and a lowest value of -1"),
        (np.ones((240, 1)), r"shape \(240, 1\): wanted \(240, 4\)"),
        (np.ones(4) / 4, r"shape \(4,\): wanted \(240, 4\)"),
    ],
    ids=["NaN", "infinite", "no sum of 1", "negative", "a class", "no rows"],
)
def test_a_signal_that_gives_no_probabilities_is_named(
    opinion: Opinion, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SIGNALS, "mine", lambda _evidence: opinion)
    with pytest.raises(ValueError, match=f"^the doubt signal 'mine' gave {said}"):
        audit(blobs().graph, blobs().classes)


def test_the_same_said_twice_is_no_more_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    data = digits()
    labels = with_errors(data.classes, 0.05, seed=1)
    once = audit(data.graph, labels, embeddings=data.embeddings)
    for name, signal in list(SIGNALS.items()):
        monkeypatch.setitem(SIGNALS, f"{name} again", signal)
    twice = audit(data.graph, labels, embeddings=data.embeddings)
    assert len(twice.signals) == 2 * len(once.signals)
    np.testing.assert_allclose(twice.error_probability, once.error_probability, atol=1e-6)


def test_embeddings_are_made_unit_rows_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Evidence] = []
    monkeypatch.setitem(SIGNALS, "spy", seen.append)
    data = blobs()
    audit(data.graph, data.classes, embeddings=(5 * data.embeddings).astype(np.float16))
    first, second = (known.vectors for known in seen)
    assert first is not None
    assert first is second
    assert first.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, atol=1e-6)
