"""The label log: nothing is erased, undo goes back step by step, and annotators do not disturb each other."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from curator.store.database import Database
from curator.store.history import History
from curator.store.labels import LabelEvent, Labels
from curator.store.schema import label_event, setting

ON_EVERY_DATABASE = True


def say(database: Database, annotator: str, source: str = "page:review", **labels: str | None) -> None:
    """One act: labels by image id, written as i1="cat"."""
    Labels(database).append(
        [LabelEvent(int(name[1:]), label, annotator, source) for name, label in labels.items()]
    )


def current(database: Database) -> dict[int, str]:
    return {image_id: said.label for image_id, said in Labels(database).current().items()}


def stored(database: Database) -> list[tuple[object, ...]]:
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(select(label_event).order_by(label_event.c.id))]


def test_undo_of_an_import_takes_back_the_whole_file(database: Database, images: list[int]) -> None:
    say(database, "ann", i1="cat")
    say(database, "ann", "csv:a.csv", i1="dog", i2="dog", i3="eel")
    (act,) = History(database).undo()
    assert (act.source, act.annotators, act.labels, act.images) == ("csv:a.csv", ["ann"], 3, 3)
    assert current(database) == {1: "cat"}


def test_undo_after_undo_goes_further_back_and_ends_with_nothing(
    database: Database, images: list[int]
) -> None:
    for label in ("cat", "dog", "eel"):
        say(database, "ann", i1=label)
    seen = []
    while History(database).undo():
        seen.append(current(database))
    assert seen == [{1: "dog"}, {1: "cat"}, {}]
    assert len(stored(database)) == 6


def test_undo_of_several_at_once_is_the_same_as_one_by_one(database: Database, images: list[int]) -> None:
    for label in ("cat", "dog", "eel"):
        say(database, "ann", i1=label)
    assert len(History(database).undo(2)) == 2
    assert current(database) == {1: "cat"}
    assert len(History(database).undo(5)) == 1
    assert current(database) == {}


def test_what_is_said_after_an_undo_is_undone_before_what_came_earlier(
    database: Database, images: list[int]
) -> None:
    say(database, "ann", i1="cat")
    say(database, "ann", i1="dog")
    History(database).undo()
    say(database, "ann", i1="eel")
    History(database).undo()
    assert current(database) == {1: "cat"}


def test_undo_of_one_annotator_leaves_the_others_alone(database: Database, images: list[int]) -> None:
    say(database, "ann", i1="cat")
    Labels(database).append(
        [LabelEvent(1, "dog", "ann", "csv:both.csv"), LabelEvent(2, "dog", "bob", "csv:both.csv")]
    )
    say(database, "bob", i3="eel")
    (act,) = History(database).undo(annotator="ann")
    assert (act.annotators, act.labels) == (["ann"], 1)
    assert current(database) == {1: "cat", 2: "dog", 3: "eel"}
    assert History(database).undo(annotator="nobody") == []


def test_undo_of_a_withdrawal_brings_the_label_back(database: Database, images: list[int]) -> None:
    say(database, "ann", i1="cat")
    say(database, "ann", i1=None)
    assert current(database) == {}
    History(database).undo()
    assert current(database) == {1: "cat"}


def test_log_tells_what_became_of_each_statement(database: Database, images: list[int]) -> None:
    say(database, "ann", i1="cat")
    say(database, "ann", i1="dog")
    say(database, "bob", i1="eel")
    History(database).undo(annotator="bob")
    log = History(database).of_image(1)
    assert [(entry.annotator, entry.label, entry.state) for entry in log] == [
        ("ann", "cat", "replaced"),
        ("ann", "dog", "current"),
        ("bob", "eel", "undone"),
        ("bob", None, "undo"),
    ]
    assert History(database).of_content(log[0].content_hash) == log


def test_labels_can_be_read_as_they_were_at_any_event(database: Database, images: list[int]) -> None:
    labels, states = Labels(database), []
    say(database, "ann", i1="cat")
    states.append((stored(database)[-1][0], current(database)))
    say(database, "ann", i1="dog", i2="eel")
    states.append((stored(database)[-1][0], current(database)))
    History(database).undo()
    states.append((stored(database)[-1][0], current(database)))
    assert [labels.as_of(int(str(event))) for event, _ in states] == [labels for _, labels in states]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ann", "bob", "undo"]), st.integers(1, 3), st.sampled_from(["cat", "dog", None])
        ),
        max_size=12,
    )
)
def test_nothing_is_ever_erased_and_undo_is_a_stack(
    database: Database, images: list[int], acts: list[tuple[str, int, str | None]]
) -> None:
    while History(database).undo(100):
        pass
    kept = stored(database)
    stack: list[tuple[str, int, str | None]] = []
    for who, image_id, label in acts:
        if who == "undo":
            assert len(History(database).undo()) == min(1, len(stack))
            stack = stack[:-1]
        else:
            Labels(database).append([LabelEvent(image_id, label, who, "page:review")])
            stack.append((who, image_id, label))
        after = stored(database)
        assert after[: len(kept)] == kept
        kept = after
    words = {(who, image_id): (place, label) for place, (who, image_id, label) in enumerate(stack)}
    said = sorted((place, who, i, label) for (who, i), (place, label) in words.items() if label)
    found = [(each.annotator, each.image_id, each.label) for each in Labels(database).statements()]
    assert found == [(who, i, label) for _, who, i, label in said]


WRITER = """
import sys
from pathlib import Path
from curator.store.database import Database
from curator.store.labels import LabelEvent, Labels
place = sys.argv[1]
labels = Labels(Database(place if "://" in place else Path(place)))
for number in range(40):
    labels.append([LabelEvent(1 + number % 12, f"{sys.argv[2]} {number}", sys.argv[2], "page:review")])
"""


def test_two_annotators_at_once_lose_nothing(database: Database, images: list[int]) -> None:
    command = [sys.executable, "-c", WRITER, str(database.place)]
    writers = [subprocess.Popen([*command, name]) for name in ("ann", "bob")]
    assert [writer.wait() for writer in writers] == [0, 0]
    rows = stored(database)
    assert len(rows) == 80
    said = {name: [row[2] for row in rows if row[3] == name] for name in ("ann", "bob")}
    assert said == {name: [f"{name} {number}" for number in range(40)] for name in ("ann", "bob")}
    assert len({row[7] for row in rows}) == 80, "each act has a number of its own"


@pytest.mark.parametrize(("rule", "expected"), [("majority", "cat"), ("last", "dog"), ("dawid-skene", "cat")])
def test_the_rule_is_a_setting(database: Database, images: list[int], rule: str, expected: str) -> None:
    for name in ("ann", "bob"):
        say(database, name, i1="cat", i2="dog", i3="cat", i4="dog")
    say(database, "cyd", i1="dog", i2="dog", i3="cat", i4="dog")
    with database.writing() as connection:
        connection.execute(setting.insert().values(name="consensus", value=rule))
    assert current(database)[1] == expected


def test_a_tie_goes_to_the_last_word(database: Database, images: list[int]) -> None:
    say(database, "ann", i1="cat")
    say(database, "bob", i1="dog")
    assert current(database) == {1: "dog"}
    say(database, "ann", i1="cat")
    assert current(database) == {1: "cat"}


def test_people_outvote_folders_and_verdicts_outvote_people(database: Database, images: list[int]) -> None:
    say(database, "ann", i1="dog")
    say(database, "folders", "folders", i1="cat")
    assert current(database) == {1: "dog"}
    say(database, "bob", i1="dog")
    say(database, "reviewer", "verdict:suspects.csv", i1="eel")
    say(database, "cyd", i1="dog")
    assert current(database) == {1: "eel"}
    assert list(Labels(database).verdicts()) == [1]


def test_only_what_an_annotator_said_last_is_taken_back(database: Database, images: list[int]) -> None:
    labels, first = Labels(database), LabelEvent(images[0], "cat", "ann", "page")
    labels.append([LabelEvent(images[0], "dog", "folders", "folders"), first])
    labels.append([LabelEvent(images[1], "cat", "ann", "page")])
    labels.append([LabelEvent(images[1], "dog", "ann", "page")])
    History(database).take_back([first, LabelEvent(images[1], "cat", "ann", "page")])
    assert {image: said.label for image, said in labels.current().items()} == {
        images[0]: "dog",
        images[1]: "dog",
    }
    assert labels.current()[images[0]].annotator == "folders"
    History(database).take_back([])


def test_a_verdict_that_no_class_fits_takes_the_label_away(database: Database, images: list[int]) -> None:
    labels = Labels(database)
    labels.append([LabelEvent(image, "cat", "folders", "folders") for image in images[:2]])
    labels.append([LabelEvent(images[0], None, "ann", "verdict:review:none")])
    assert {image: said.label for image, said in labels.current().items()} == {images[1]: "cat"}
    assert [said.annotator for said in labels.statements() if said.image_id == images[0]] == ["folders"]
    assert labels.declined("verdict:review:none") == {images[0]}
    labels.append([LabelEvent(images[0], "dog", "ann", "page:review")])
    assert labels.current()[images[0]].label == "dog"
    assert labels.declined("verdict:review:none") == set()


@pytest.mark.parametrize("statement", ["DELETE FROM label_event", "UPDATE label_event SET undoes = NULL"])
def test_the_log_refuses_to_be_rewritten(database: Database, images: list[int], statement: str) -> None:
    say(database, "ann", i1="cat")
    before = stored(database)
    with pytest.raises(Exception, match="append-only"), database.writing() as connection:
        connection.execute(text(statement))
    assert stored(database) == before


def test_a_database_of_before_the_history_opens_and_its_imports_can_be_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from curator.store import database as module
    from curator.store import migrations

    path = tmp_path / "old.db"
    with monkeypatch.context() as before:
        before.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:2])
        before.setattr(module, "MIGRATIONS", migrations.MIGRATIONS)
        old = Database(path)
    with old.writing() as connection:
        connection.execute(
            text(
                "INSERT INTO image (id, path, size, mtime_ns, state, scan) VALUES (1, 'a', 1, 1, 'ready', 1)"
            )
        )
        for number, (label, when) in enumerate([("cat", "1"), ("dog", "2"), ("eel", "2")], start=1):
            values = f"({number}, 1, '{label}', 'a{number}', 'csv:x', 'h', '{when}')"
            connection.execute(text(f"INSERT INTO label_event VALUES {values}"))
    database = Database(path)
    assert [row[:7] for row in stored(database)] == [
        (1, 1, "cat", "a1", "csv:x", "h", "1"),
        (2, 1, "dog", "a2", "csv:x", "h", "2"),
        (3, 1, "eel", "a3", "csv:x", "h", "2"),
    ]
    (act,) = History(database).undo()
    assert act.labels == 2
    assert current(database) == {1: "cat"}
    with pytest.raises(Exception, match="append-only"), database.writing() as connection:
        connection.execute(text("DELETE FROM label_event"))
