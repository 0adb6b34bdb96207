"""What others said since: the labels of a few images are those that a look at all of them finds."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curator.annotators import RULES
from curator.store.database import Database
from curator.store.history import History
from curator.store.labels import LabelEvent, Labels
from curator.store.schema import setting

ON_EVERY_DATABASE = True
UNSURE, NONE = "review:unsure", "verdict:review:none"

act = st.tuples(
    st.sampled_from(["ann", "bob", "cyd", "undo"]),
    st.integers(1, 4),
    st.sampled_from([("cat", "review"), ("dog", "review"), (None, UNSURE), (None, NONE), ("eel", "folders")]),
)


def use_rule(database: Database, rule: str) -> None:
    with database.writing() as connection:
        connection.execute(setting.delete().where(setting.c.name == "consensus"))
        connection.execute(setting.insert().values(name="consensus", value=rule))


def perform(database: Database, who: str, image_id: int, label: str | None, source: str) -> None:
    if who == "undo":
        History(database).undo()
    else:
        Labels(database).append([LabelEvent(image_id, label, who, source)])


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(act, max_size=10), st.lists(act, max_size=6), st.sampled_from(sorted(RULES)))
def test_what_was_touched_is_all_that_changed(
    database: Database,
    images: list[int],
    before: list[tuple[str, int, tuple[str | None, str]]],
    after: list[tuple[str, int, tuple[str | None, str]]],
    rule: str,
) -> None:
    labels = Labels(database)
    use_rule(database, rule)
    for who, image_id, (label, source) in before:
        perform(database, who, image_id, label, source)
    version, known = labels.version(), labels.current()
    declined = labels.declined(UNSURE, NONE)
    for who, image_id, (label, source) in after:
        perform(database, who, image_id, label, source)
    touched = labels.touched(version)
    now = labels.current()
    changed = {image_id for image_id in known.keys() | now.keys() if known.get(image_id) != now.get(image_id)}
    about = set(images) if touched is None else touched
    assert changed <= about
    assert labels.current(about) == {image_id: label for image_id, label in now.items() if image_id in about}
    assert labels.declined(UNSURE, NONE) ^ declined <= about
    assert labels.declined(UNSURE, NONE, image_ids=about) == labels.declined(UNSURE, NONE) & about


def test_nothing_said_is_nothing_new(database: Database, images: list[int]) -> None:
    labels = Labels(database)
    for rule in RULES:
        use_rule(database, rule)
        labels.append([LabelEvent(images[0], "cat", "ann", "review")])
        assert labels.touched(labels.version()) == set()
    assert labels.current([]) == {}


def test_another_rule_may_change_any_label(database: Database, images: list[int]) -> None:
    labels = Labels(database)
    version = labels.version()
    use_rule(database, "last")
    assert labels.touched(version) is None


def test_others_have_labelled_what_one_has_not_looked_at(database: Database, images: list[int]) -> None:
    labels = Labels(database)
    labels.append(LabelEvent(image, "cat", "ann", "review") for image in images[:4])
    labels.append([LabelEvent(images[0], "cat", "bob", "review"), LabelEvent(images[1], None, "bob", UNSURE)])
    labels.append(
        [LabelEvent(images[5], "cat", "folders", "folders"), LabelEvent(images[6], None, "cyd", UNSURE)]
    )
    assert labels.labelled_by_others("bob") == set(images[2:4])
    assert labels.labelled_by_others("ann") == set()
    assert labels.labelled_by_others("cyd") == set(images[:4])


@pytest.mark.parametrize("event", [0, 2, 3])
def test_earlier_acts_of_a_page_are_taken_back_one_by_one(
    database: Database, images: list[int], event: int
) -> None:
    labels, log = Labels(database), History(database)
    for label, source in [("cat", "review"), ("dog", "csv:a.csv"), ("eel", "review"), ("fox", "review")]:
        labels.append([LabelEvent(images[0], label, "ann", source)])
    taken = []
    while said := log.take_back_before(event, "ann", ["review"]):
        taken += [each.label for each in said]
    assert taken == {0: [], 2: ["cat"], 3: ["eel", "cat"]}[event]
    assert labels.current()[images[0]].label == "fox"
