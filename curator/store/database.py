"""One SQLite database per workspace: write-ahead log, foreign keys, explicit transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from curator.errors import CuratorError
from curator.store.interrupts import uninterrupted
from curator.store.migrations import MIGRATIONS, applied, migrate

BUSY_SECONDS = 30  # how long a writer waits for another before it gives up


class Database:
    """Short transactions on one file: `reading()` sees one snapshot, `writing()` takes the lock first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = _engine(path)
        with self._guarded():
            self._bring_up_to_date()

    def _bring_up_to_date(self) -> None:
        with self._engine.connect() as connection:  # a look first: an up-to-date database needs no write lock
            tables = connection.exec_driver_sql(
                "SELECT 1 FROM sqlite_master WHERE name = 'migration'"
            ).first()
            current = tables is not None and applied(connection) == [name for name, _ in MIGRATIONS]
        if not current:
            with self.writing() as connection:
                migrate(connection)

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
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            raise CuratorError(_explain(self.path, str(error.orig))) from error
        except DBAPIError as error:
            if "malformed" in str(error.orig) or "not a database" in str(error.orig):
                raise CuratorError(_explain(self.path, str(error.orig))) from error
            raise


def _explain(path: Path, cause: str) -> str:
    if "locked" in cause:
        return f"another process has been writing to {path} for {BUSY_SECONDS} seconds: try again later"
    if "malformed" in cause or "not a database" in cause:
        return f"the database {path} is damaged ({cause}): restore it from a copy, nothing was changed"
    if "full" in cause:
        return f"the disk that holds {path} is full: free some space and run the command again"
    if "readonly" in cause or "unable to open" in cause:
        return f"cannot write to {path} ({cause}): check the folder's permissions"
    return f"the database {path} failed: {cause}"


def _engine(path: Path) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, so that schema changes are transactional too
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
