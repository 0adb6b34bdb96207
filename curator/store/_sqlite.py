"""SQLite: a file, a write-ahead log, many readers and one writer at a time."""

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError


def open_engine(path: Path, busy_seconds: float) -> Engine:
    """An engine on a file, whose transactions begin as readers or, with `write`, as the one writer."""
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": busy_seconds})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def explain(path: Path, error: DBAPIError, busy_seconds: float) -> str | None:
    """What went wrong and what to do about it; None where the caller has made a mistake."""
    cause = str(error.orig)
    if "locked" in cause:
        return f"another process has been writing to {path} for {busy_seconds} seconds: try again later"
    if "malformed" in cause or "not a database" in cause:
        return f"the database {path} is damaged ({cause}): restore it from a copy, nothing was changed"
    if "full" in cause:
        return f"the disk that holds {path} is full: free some space and run the command again"
    if "readonly" in cause or "unable to open" in cause:
        return f"cannot write to {path} ({cause}): check the folder's permissions"
    return None


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, so that schema changes are transactional too
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
