"""SQLite: a file, a write-ahead log, many readers and one writer at a time."""

import sqlite3
from contextlib import closing
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


def problems(path: Path) -> list[str]:
    """What SQLite finds wrong in a file: in its pages, and in each table against its indexes."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
            strays = len(connection.execute("PRAGMA foreign_key_check").fetchall())
    except (sqlite3.Error, UnicodeDecodeError) as error:
        return [str(error)]
    if strays:
        found.append(f"{strays} rows name others that are not there")
    return [line for line in found if line != "ok"]


def copy(path: Path, target: Path) -> None:
    """Copy a database as it is at this moment, while others write to it."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copied:
        source.backup(copied)


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, so that schema changes are transactional too
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
