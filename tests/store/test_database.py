"""The database: migrations make what the code reads, transactions keep all or nothing."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, inspect, select, text
from sqlalchemy.exc import ProgrammingError

from curator.errors import CuratorError
from curator.store import database as module
from curator.store.database import Database
from curator.store.migrations import MIGRATIONS, migrate
from curator.store.schema import encoder, metadata, setting

ON_EVERY_DATABASE = True


def test_migrated_tables_are_those_that_the_code_names(database: Database) -> None:
    with database.reading() as connection:
        inspector = inspect(connection)
        made = {name: {column["name"] for column in inspector.get_columns(name)} for name in metadata.tables}
    assert made == {name: set(table.columns.keys()) for name, table in metadata.tables.items()}


def test_opening_again_applies_nothing(database: Database) -> None:
    Database(database.place)
    with database.writing() as connection:
        assert migrate(connection) == []


def test_newer_database_is_refused_with_advice(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("INSERT INTO migration VALUES ('9999_future', '2030-01-01')"))
    with pytest.raises(CuratorError, match=r"newer curator .*9999_future.*upgrade"):
        Database(database.place)


def test_failed_migration_leaves_nothing_behind(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = (*MIGRATIONS, ("0002_broken", "CREATE TABLE half (a INTEGER);\nCREATE TABLE half (a INTEGER);"))
    monkeypatch.setattr("curator.store.migrations.MIGRATIONS", broken)
    monkeypatch.setattr(module, "MIGRATIONS", broken)
    with pytest.raises((CuratorError, ProgrammingError), match="half"):
        Database(database.place)
    with database.reading() as connection:
        assert "half" not in inspect(connection).get_table_names()
        names = connection.execute(text("SELECT name FROM migration")).scalars().all()
    assert names == [name for name, _ in MIGRATIONS]


def test_write_that_fails_is_rolled_back(database: Database) -> None:

    def write_then_fail() -> None:
        with database.writing() as connection:
            connection.execute(insert(setting).values(name="a", value="1"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_then_fail()
    with database.reading() as connection:
        assert connection.execute(select(setting)).all() == []


def test_locked_database_names_the_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.01)
    database = Database(tmp_path / "curator.db")
    other = sqlite3.connect(tmp_path / "curator.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(CuratorError, match="another process"), database.writing():
        pass
    other.close()


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "curator.db"
    path.write_bytes(b"not a database at all " * 100)
    with pytest.raises(CuratorError, match=r"curator\.db is damaged"):
        Database(path)
    assert path.read_bytes().startswith(b"not a database")


@pytest.fixture
def plain_interrupts() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, whatever a command run before has set."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def write_interrupted(database: Database, value: str, *, fail: bool = False) -> None:
    """Write a setting; Ctrl-C comes in the middle, and perhaps an error."""
    with database.writing() as connection:
        os.kill(os.getpid(), signal.SIGINT)
        connection.execute(insert(setting).values(name="a", value=value))
        if fail:
            raise ValueError


@pytest.mark.usefixtures("plain_interrupts")
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_an_interrupt_waits_for_the_transaction(tmp_path: Path) -> None:
    database = Database(tmp_path / "curator.db")
    with pytest.raises(KeyboardInterrupt):
        write_interrupted(database, "kept")
    with database.writing() as connection:  # no lock is left behind
        assert connection.execute(text("SELECT value FROM setting")).scalar() == "kept"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("plain_interrupts")
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_an_error_in_the_transaction_is_not_hidden_by_an_interrupt(tmp_path: Path) -> None:
    database = Database(tmp_path / "curator.db")
    with pytest.raises(KeyboardInterrupt) as caught:
        write_interrupted(database, "lost", fail=True)
    assert isinstance(caught.value.__context__, ValueError)
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM setting")).scalar() == 0


def test_a_value_that_decayed_inside_the_file_is_told_plainly(tmp_path: Path) -> None:
    database = Database(tmp_path / "curator.db")
    with database.writing() as connection:
        values = "(1, 'f', '{\"name', 4, '2026')"
        connection.execute(
            text(f"INSERT INTO encoder (id, fingerprint, spec, dim, created_at) VALUES {values}")
        )
    with (
        pytest.raises(CuratorError, match=r"curator\.db is damaged .*doctor"),
        database.reading() as connection,
    ):
        connection.execute(select(encoder.c.spec)).all()
