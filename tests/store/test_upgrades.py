"""A workspace of every earlier schema opens, with all that was said in it."""

from pathlib import Path

import pytest
from sqlalchemy import text

from curator.store import database as module
from curator.store import migrations
from curator.store.assignments import Assignments
from curator.store.database import Database, database_problems
from curator.store.history import History
from curator.store.labels import LabelEvent, Labels
from curator.store.migrations import MIGRATIONS, applied

NAMES = [name for name, _ in MIGRATIONS]
IMAGES = "INSERT INTO image (id, path, size, mtime_ns, state, content_hash, scan) VALUES "
EVENTS = "INSERT INTO label_event (id, image_id, label, annotator, source, content_hash, created_at) VALUES "


def as_of(path: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database to which only the first migrations were applied, with an image and two labels."""
    with monkeypatch.context() as before:
        before.setattr(migrations, "MIGRATIONS", MIGRATIONS[:count])
        before.setattr(module, "MIGRATIONS", MIGRATIONS[:count])
        old = Database(path)
    with old.writing() as connection:
        connection.execute(
            text(f"{IMAGES} (1, 'ä\n.png', 1, 1, 'ready', 'h', 1), (2, 'b', 1, 1, 'gone', 'i', 1)")
        )
        connection.execute(text(f"{EVENTS} (1, 1, 'cat', 'ann', 'csv:x', 'h', '2020-01-01')"))
        connection.execute(text(f"{EVENTS} (2, 1, 'dog', 'ann', 'csv:y', 'h', '2020-01-02')"))
        connection.execute(text("INSERT INTO setting VALUES ('images', '../photos')"))
        if count >= NAMES.index("0003_label_history") + 1:
            connection.execute(text("INSERT INTO setting VALUES ('consensus', 'last')"))
    old.close()


@pytest.mark.parametrize("count", range(1, len(NAMES) + 1), ids=lambda count: NAMES[count - 1])
def test_a_workspace_of_that_schema_opens_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    as_of(tmp_path / "curator.db", count, monkeypatch)
    database = Database(tmp_path / "curator.db")
    with database.reading() as connection:
        assert applied(connection) == NAMES
        assert (
            connection.execute(text("SELECT value FROM setting WHERE name = 'images'")).scalar()
            == "../photos"
        )
    labels = Labels(database)
    assert {image: label.label for image, label in labels.current().items()} == {1: "dog"}
    labels.append([LabelEvent(1, "eel", "bob", "page:review")])
    assert History(database).undo()[0].labels == 1
    assert Assignments(database).reserve("ann", [1], 1) == [1]
    database.close()
    assert database_problems(tmp_path) == []


@pytest.mark.parametrize("count", range(1, len(NAMES) + 1), ids=lambda count: NAMES[count - 1])
def test_an_upgrade_that_fails_leaves_the_old_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    path = tmp_path / "curator.db"
    as_of(path, count, monkeypatch)
    broken = (*MIGRATIONS, ("9998_broken", "CREATE TABLE half (a INTEGER);\nCREATE TABLE half (a INTEGER);"))
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "MIGRATIONS", broken)
        patched.setattr(module, "MIGRATIONS", broken)
        with pytest.raises(Exception, match="half"):
            Database(path)
    Database(path)


def test_clocks_that_go_back_do_not_reorder_what_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_of(tmp_path / "curator.db", len(NAMES), monkeypatch)
    database = Database(tmp_path / "curator.db")
    labels = Labels(database)
    for when, label in (("2030-01-01", "first"), ("1999-12-31", "last")):
        with monkeypatch.context() as clock:
            clock.setattr("curator.store.labels.timestamp", lambda when=when: when)
            labels.append([LabelEvent(1, label, "ann", "page:review")])
    assert labels.current()[1].label == "last"
    History(database).undo()
    assert labels.current()[1].label == "first"
