"""One database per workspace, in a file (SQLite) or on a server (PostgreSQL), in explicit transactions."""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError

from curator.errors import CuratorError
from curator.store import _postgresql, _sqlite
from curator.store._place import database_place
from curator.store.interrupts import uninterrupted
from curator.store.lock import WAIT_SECONDS, Lease, lock_holder, write_lock
from curator.store.migrations import MIGRATIONS, applied, migrate
from curator_indexes.files import atomic_path

BUSY_SECONDS = 30  # how long a writer waits for another before it gives up


class Database:
    """Short transactions on one database: `reading()` sees one snapshot, `writing()` takes the lock first.

    `place` is a file, or the address of a PostgreSQL database.
    """

    def __init__(self, place: Path | str) -> None:
        self.place = place
        if isinstance(place, Path):
            self._engine = _sqlite.open_engine(place, BUSY_SECONDS)
        else:
            self._engine = _postgresql.open_engine(_postgresql.checked_url(place), BUSY_SECONDS)
        weakref.finalize(self, self._engine.dispose)  # idle connections are closed with it
        with self._guarded():
            self._bring_up_to_date()

    def _bring_up_to_date(self) -> None:
        with self._engine.connect() as connection:  # a look first: an up-to-date database needs no write lock
            known = inspect(connection).has_table("migration")
            current = known and applied(connection) == [name for name, _ in MIGRATIONS]
        if not current:
            with self.writing() as connection:
                migrate(connection)

    def close(self) -> None:
        """Close idle connections; the next use opens new ones."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection on one consistent snapshot; nothing is written."""
        with self._guarded(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the write lock: all of it is kept, or none of it."""
        options = self._engine.execution_options(write=True)
        with uninterrupted(), self._guarded(), options.begin() as connection:
            yield connection

    @contextmanager
    def artifacts_locked(self, folder: Path, verb: str, wait: float = WAIT_SECONDS) -> Iterator[Lease]:
        """Be the one process that writes artifacts into `folder`: here, or with a server on any machine."""
        if isinstance(self.place, Path):
            lock = write_lock(folder, verb, wait)
        else:
            lock = _postgresql.artifact_lock(self._engine.url, verb, wait)
        with lock as lease:
            yield lease

    def artifacts_holder(self, folder: Path) -> str | None:
        """Which command writes artifacts into `folder` now, in words; None where nobody does."""
        if isinstance(self.place, Path):
            return lock_holder(folder)
        with self.reading() as connection:
            return _postgresql.artifact_lock_holder(connection)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if isinstance(self.place, Path):
                reason = _sqlite.explain(self.place, error, BUSY_SECONDS)
            else:
                reason = _postgresql.explain(self._engine.url, error, BUSY_SECONDS)
            if reason is None and isinstance(error, OperationalError):
                reason = f"the database failed: {error.orig}"
            if reason is None:
                raise
            raise CuratorError(reason) from error
        except (JSONDecodeError, UnicodeDecodeError) as error:
            raise CuratorError(
                f"a value in the database {self.place} is damaged ({error}): run `curator doctor`, "
                "and restore it from a copy"
            ) from error


def database_problems(folder: Path) -> list[str]:
    """What is wrong with the database file of a workspace; one on a server is left to its own tools."""
    place = database_place(folder)
    return _sqlite.problems(place) if isinstance(place, Path) else []


def copy_database(place: Path | str, target: Path) -> None:
    """Copy a database file, all of it or nothing; one on a server has tools of its own."""
    if not isinstance(place, Path):
        raise CuratorError("the database is on a server: copy it with its own tools, such as pg_dump")
    with atomic_path(target) as temporary:
        _sqlite.copy(place, temporary)


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], key: str) -> None:
    """Insert rows, or where one with the same key exists, give it their values."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    changed = {name: statement.excluded[name] for name in rows[0] if name != key}
    # One statement run for each row: one with the values of all rows takes longer to put together.
    connection.execute(
        statement.on_conflict_do_update(index_elements=[key], set_=changed), [dict(row) for row in rows]
    )
