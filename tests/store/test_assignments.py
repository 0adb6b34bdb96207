"""Hand-outs: none overlaps another unless asked to, and what is not labelled comes back."""

import subprocess
import sys
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curator.errors import CuratorError
from curator.store.assignments import Assignments
from curator.store.database import Database
from curator.store.history import History
from curator.store.labels import LabelEvent, Labels

ON_EVERY_DATABASE = True


@pytest.fixture
def assignments(database: Database) -> Assignments:
    return Assignments(database)


def test_two_annotators_get_different_images_best_first(assignments: Assignments, images: list[int]) -> None:
    ranked = images[::-1]
    assert assignments.reserve("ann", ranked, 5) == ranked[:5]
    assert assignments.reserve("bob", ranked, 5) == ranked[5:10]
    assert assignments.reserve("cyd", ranked, 5) == ranked[10:]
    assert assignments.reserve("dan", ranked, 5) == []


def test_asking_again_gives_the_same_images(assignments: Assignments, images: list[int]) -> None:
    first = assignments.reserve("ann", images, 4)
    assert assignments.reserve("ann", images, 4) == first
    assert assignments.held("ann") == first
    assert assignments.held_by_others("bob") == first
    assert assignments.held_by_others("ann") == []


def test_overlap_is_the_share_that_others_hold_too(assignments: Assignments, images: list[int]) -> None:
    first = set(assignments.reserve("ann", images, 4))
    second = assignments.reserve("bob", images, 6, overlap=0.5)
    assert len(first & set(second)) == 3
    assert len(second) == 6
    assert second == sorted(second), "in the order of the ranking"
    assert set(assignments.reserve("cyd", images, 4, overlap=1)) <= first | set(second)


def test_what_others_have_labelled_makes_up_the_overlap(assignments: Assignments, images: list[int]) -> None:
    done, ranked = images[:4], images[4:]
    held = assignments.reserve("ann", ranked, 1)
    queue = assignments.reserve("bob", ranked, 6, overlap=0.5, labelled=done)
    assert queue == [*held, *ranked[1:4], *done[:2]]
    assert assignments.reserve("cyd", ranked, 4, labelled=done) == ranked[4:]


def test_an_image_comes_back_when_its_time_is_up_or_it_is_given_back(
    assignments: Assignments, images: list[int]
) -> None:
    assignments.reserve("ann", images, hold=timedelta(seconds=-1))
    assert assignments.reserve("bob", images, 3) == images[:3]
    assignments.release("bob", images[:1])
    assert assignments.reserve("cyd", images, 1) == images[:1]
    assignments.release("bob")
    assert assignments.held("bob") == []


def test_an_image_comes_back_when_it_is_labelled(
    database: Database, assignments: Assignments, images: list[int]
) -> None:
    assignments.reserve("ann", images, 3)
    Labels(database).append([LabelEvent(images[0], "cat", "ann", "page:review")])
    Labels(database).append([LabelEvent(images[1], "cat", "bob", "page:review")])
    assert assignments.held("ann") == images[1:3], "another's label is not an answer"
    assert assignments.reserve("bob", images, 1) == images[:1]


def test_an_undone_label_asked_for_again_is_held_again(
    database: Database, assignments: Assignments, images: list[int]
) -> None:
    Labels(database).append([LabelEvent(images[0], "cat", "ann", "page:review")])
    assignments.reserve("ann", images, 1)
    History(database).undo()
    assert assignments.held("ann") == images[:1]


@pytest.mark.parametrize("overlap", [-0.1, 1.5])
def test_an_overlap_is_a_share(assignments: Assignments, images: list[int], overlap: float) -> None:
    with pytest.raises(CuratorError, match="from 0 to 1"):
        assignments.reserve("ann", images, 1, overlap=overlap)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 6), st.permutations(range(12))), max_size=6))
def test_hand_outs_never_overlap(
    assignments: Assignments, images: list[int], asked: list[tuple[str, int, list[int]]]
) -> None:
    for name in "abc":
        assignments.release(name)
    for name, count, order in asked:
        assert len(assignments.reserve(name, [images[place] for place in order], count)) <= count
        in_hand = [image_id for each in "abc" for image_id in assignments.held(each)]
        assert len(in_hand) == len(set(in_hand))


TAKER = """
import sys
from pathlib import Path
from curator.store.assignments import Assignments
from curator.store.database import Database
place = sys.argv[1]
assignments = Assignments(Database(place if "://" in place else Path(place)))
taken = []
for count in range(1, 7):
    taken = assignments.reserve(sys.argv[2], range(1, 13), count)
print(*taken)
"""


def test_two_processes_are_never_handed_the_same_image(database: Database, images: list[int]) -> None:
    command = [sys.executable, "-c", TAKER, str(database.place)]
    takers = [
        subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in ("ann", "bob")
    ]
    taken = [taker.communicate()[0].split() for taker in takers]
    assert [taker.returncode for taker in takers] == [0, 0]
    assert [len(ids) for ids in taken] == [6, 6]
    assert set(taken[0]).isdisjoint(taken[1])
