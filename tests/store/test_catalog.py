"""The catalog: what a scan found, what was read, what was renamed, what is gone."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from curator.errors import CuratorError
from curator.store.catalog import Catalog, FileEntry, Reading, next_to_read, pages, record
from curator.store.database import Database
from curator.store.labels import LabelEvent, Labels
from curator.store.schema import image

ON_EVERY_DATABASE = True


def found(*paths: str, mtime: int = 1) -> list[FileEntry]:
    return [FileEntry(path, 10, mtime, "pending", None, None) for path in paths]


def read_all(database: Database, **contents: str) -> None:
    """Read every pending image: its content is what `contents` says, else its own path."""
    waiting = pending(database)
    with database.writing() as connection:
        record(connection, [Reading(i, contents.get(path, path), 8, 8) for i, path in waiting])


def pending(database: Database) -> list[tuple[int, str]]:
    """Images whose content is not known, as (id, path)."""
    query = select(image.c.id, image.c.path).where(image.c.state == "pending").order_by(image.c.path)
    with database.reading() as connection:
        return [(row.id, row.path) for row in connection.execute(query)]


def test_images_come_in_path_order_whatever_the_order_found(database: Database) -> None:
    catalog = Catalog(database)
    catalog.synchronize(found("b", "a/z", "a", "ä", "B"))
    read_all(database)
    assert [row.path for row in catalog.ready()] == sorted(["b", "a/z", "a", "ä", "B"], key=str.encode)


def test_second_scan_reads_only_new_and_changed(database: Database) -> None:
    catalog = Catalog(database)
    catalog.synchronize(found("a", "b", "c"))
    read_all(database)
    catalog.synchronize([*found("a"), *found("b", mtime=2), *found("d")])
    assert [path for _, path in pending(database)] == ["b", "d"]
    assert catalog.counts() == {"ready": 1, "pending": 2, "gone": 1}


def test_image_that_comes_back_is_read_again_and_keeps_its_row(database: Database) -> None:
    catalog = Catalog(database)
    catalog.synchronize(found("a", "b"))
    read_all(database)
    before = {row.path: row.id for row in catalog.ready()}
    catalog.synchronize(found("b"))
    catalog.synchronize(found("a", "b"))
    read_all(database)
    assert {row.path: row.id for row in catalog.ready()} == before


def test_renamed_image_keeps_its_label(database: Database) -> None:
    catalog, labels = Catalog(database), Labels(database)
    catalog.synchronize(found("old", "other"))
    read_all(database, old="same bytes")
    image_id = catalog.find(["old"])["old"][0]
    labels.append([LabelEvent(image_id, "cat", "ann", "csv:x")])
    catalog.synchronize(found("new", "other"))
    read_all(database, new="same bytes")
    assert [(row.path, row.label) for row in labels.rows()] == [("new", "cat")]
    assert catalog.find(["old"])["old"].state == "gone"


def test_copy_of_a_labelled_image_has_no_label_of_its_own(database: Database) -> None:
    catalog, labels = Catalog(database), Labels(database)
    catalog.synchronize(found("first"))
    read_all(database, first="same bytes")
    labels.append([LabelEvent(catalog.find(["first"])["first"][0], "cat", "ann", "csv:x")])
    catalog.synchronize(found("copy", "first"))
    read_all(database, copy="same bytes")
    assert [row.path for row in labels.rows()] == ["first"]


def test_digest_changes_with_paths_and_contents_only(database: Database) -> None:
    catalog = Catalog(database)
    catalog.synchronize(found("a", "b"))
    read_all(database)
    first = catalog.digest()
    catalog.synchronize(found("a", "b"))
    assert catalog.digest() == first
    catalog.synchronize([*found("a"), *found("b", mtime=2)])
    read_all(database, b="new bytes")
    assert catalog.digest() != first


def test_unreadable_image_is_not_tried_again_until_it_changes(database: Database) -> None:
    catalog = Catalog(database)
    catalog.synchronize(found("a", "b"))
    with database.writing() as connection:
        ids = {path: i for i, path in pending(database)}
        record(connection, [Reading(ids["a"], None, reason="truncated", message="cut short")])
        record(connection, [Reading(ids["b"], None, reason="permission", message="may not be read")])
    catalog.synchronize(found("a", "b"))
    assert [path for _, path in pending(database)] == ["b"], "a permission can change without the file"
    assert list(catalog.broken()) == [{"path": "a", "reason": "truncated", "message": "cut short"}]
    catalog.synchronize(found("a", "b", mtime=2))
    assert [path for _, path in pending(database)] == ["a", "b"]


def test_label_log_cannot_be_rewritten(database: Database) -> None:
    Catalog(database).synchronize(found("a"))
    read_all(database)
    Labels(database).append([LabelEvent(1, "cat", "ann", "csv:x")])
    for statement in ("DELETE FROM label_event", "UPDATE label_event SET label = 'dog'"):
        with pytest.raises(Exception, match="append-only"), database.writing() as connection:
            connection.execute(text(statement))
    assert Labels(database).current()[1].label == "cat"


def test_last_word_counts_and_withdrawal_leaves_no_label(database: Database) -> None:
    labels = Labels(database)
    Catalog(database).synchronize(found("a", "b"))
    read_all(database)
    said = [
        LabelEvent(1, "cat", "ann", "x"),
        LabelEvent(1, "dog", "bob", "x"),
        LabelEvent(2, "cat", "ann", "x"),
    ]
    labels.append(said)
    labels.append([LabelEvent(2, None, "ann", "x")])
    assert {i: now.label for i, now in labels.current().items()} == {1: "dog"}
    codes, names = labels.coded(np.array([2, 1]))
    assert (codes.tolist(), names) == ([-1, 0], ["dog"])


def test_batch_of_labels_is_all_or_nothing(database: Database) -> None:
    Catalog(database).synchronize(found("a"))
    read_all(database)
    with pytest.raises((KeyError, CuratorError)):
        Labels(database).append([LabelEvent(1, "cat", "ann", "x"), LabelEvent(99, "cat", "ann", "x")])
    assert Labels(database).current() == {}


def test_labels_of_changed_contents_are_counted(database: Database) -> None:
    catalog, labels = Catalog(database), Labels(database)
    catalog.synchronize(found("a"))
    read_all(database)
    labels.append([LabelEvent(1, "cat", "ann", "x")])
    assert labels.changed_since() == 0
    catalog.synchronize(found("a", mtime=2))
    read_all(database, a="other bytes")
    assert labels.changed_since() == 1


@given(st.lists(st.integers()), st.integers(1, 5))
def test_pages_hold_every_item_once_and_no_page_is_empty_or_too_long(items: list[int], size: int) -> None:
    cut = list(pages(items, size))
    assert [item for page in cut for item in page] == items
    assert all(1 <= len(page) <= size for page in cut)


def test_what_is_to_be_read_is_found_without_sorting_all_that_waits(tmp_path: Path) -> None:
    database = Database(tmp_path / "curator.db")
    query = next_to_read(1, "a", 8)
    with database.reading() as connection:
        words = query.compile(connection, compile_kwargs={"literal_binds": True})
        plan = [row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {words}"))]
    assert not any("TEMP B-TREE" in step for step in plan), plan
