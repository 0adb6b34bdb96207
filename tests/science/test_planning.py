"""Advice, as a table: each situation and the one thing most worth doing in it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.planning.advice import Situation, advise

DONE = Situation(
    embedded=True,
    images=1000,
    labelled=1000,
    classes=10,
    propagated=True,
    audited=True,
    doubted=0,
    conflicts=0,
    duplicates_known=True,
)
HALF = replace(DONE, labelled=500, gain_high=0.02)


@pytest.mark.parametrize(
    ("situation", "action", "said"),
    [
        (Situation(embedded=False), "embed", "have not been read"),
        (replace(DONE, embedded=False), "embed", "changed since"),
        (replace(DONE, broken=101), "faults", "101 files"),
        (replace(DONE, broken=100), "nothing", "audited"),
        (replace(HALF, labelled=0, classes=0), "query", "no label yet"),
        (replace(DONE, conflicts=3, audited=False), "duplicates", "3 groups"),
        (replace(HALF, propagated=False), "propagate", "newest labels"),
        (replace(HALF, labelled=19), "query", "19 labels of 10 classes"),
        (replace(HALF, labelled=20), "query", "980 images"),
        (replace(DONE, propagated=False), "nothing", "all images are labelled"),
        (replace(DONE, audited=False, doubted=None), "audit", "1,000 labels"),
        (replace(DONE, doubted=11), "audit", "11 labels are in doubt"),
        (replace(DONE, doubted=10), "nothing", "audited"),
        (replace(DONE, images=60, labelled=60, doubted=5), "nothing", "audited"),
        (replace(HALF, labelled=40, doubted=30), "query", "960 images"),
        (replace(DONE, duplicates_known=False, conflicts=None), "duplicates", "leak into test sets"),
        (replace(HALF, gain_high=0.002), "split", "under 0.3 points"),
        (HALF, "query", "500 images have no label"),
        (replace(HALF, gain_high=None), "query", "500 images have no label"),
        (DONE, "nothing", "all images are labelled"),
    ],
)
def test_the_one_thing_most_worth_doing(situation: Situation, action: str, said: str) -> None:
    advice = advise(situation)
    assert advice.action == action
    assert said in advice.reason


@given(
    st.builds(
        Situation,
        embedded=st.booleans(),
        images=st.integers(0, 100),
        broken=st.integers(0, 100),
        labelled=st.integers(0, 100),
        classes=st.integers(0, 20),
        propagated=st.booleans(),
        audited=st.booleans(),
        doubted=st.none() | st.integers(0, 100),
        conflicts=st.none() | st.integers(0, 10),
        duplicates_known=st.booleans(),
        gain_high=st.none() | st.floats(0, 1),
    )
)
def test_there_is_advice_in_any_situation(situation: Situation) -> None:
    advice = advise(situation)
    assert advice.reason
    assert "{" not in advice.reason
