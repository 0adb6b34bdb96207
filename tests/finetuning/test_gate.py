"""The gate: luck does not pass, progress does; near duplicates stay together; calibration is found again."""

import numpy as np
from scipy.stats import binomtest

from curator.finetuning.gate import LEVEL, compare, fit_temperature, folds


def test_luck_seldom_passes_and_a_clear_lead_does() -> None:
    rng = np.random.default_rng(0)
    idle = [compare(rng.random(200) < 0.6, rng.random(200) < 0.6).better for _ in range(400)]
    assert np.mean(idle) < LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / 400)
    led = [compare(rng.random(200) < 0.5, rng.random(200) < 0.75).better for _ in range(50)]
    assert np.mean(led) > 0.9


def test_the_p_value_is_that_of_a_sign_test() -> None:
    before = np.array([True] * 5 + [False] * 20)
    after = np.array([False] * 3 + [True] * 14 + [False] * 8)
    verdict = compare(before, after)
    assert (verdict.gained, verdict.lost) == (12, 3)
    assert np.isclose(verdict.p_value, binomtest(12, 15, alternative="greater").pvalue)


def test_nothing_changed_is_no_progress() -> None:
    same = np.array([True, False, True])
    assert compare(same, same).p_value == 1
    assert not compare(same, same).better


def test_each_label_is_held_out_once_with_its_near_duplicates_and_every_class_in_each_fold() -> None:
    labels = np.tile([0, 1, -1], 40)
    groups = np.arange(120) // 6
    parts = folds(labels, groups, 5, seed=0)
    assert sorted(np.concatenate(parts).tolist()) == np.flatnonzero(labels >= 0).tolist()
    for number, part in enumerate(parts):
        assert set(labels[part]) == {0, 1}
        others = np.concatenate(parts[:number] + parts[number + 1 :])
        assert not set(groups[part]) & set(groups[others])


def test_overconfident_scores_get_their_temperature_back() -> None:
    rng = np.random.default_rng(1)
    honest = rng.normal(size=(4000, 5)).astype(np.float32)
    shares = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(5, p=row / row.sum()) for row in shares.astype(float)])
    assert 3.4 < fit_temperature(honest * 4, labels) < 4.7
