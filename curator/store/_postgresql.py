"""PostgreSQL: one database a workspace, many machines, and still one writer at a time.

Statements in the label log are numbered in the order in which they count. One writer at a time keeps it so;
writes are short.
"""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from curator.errors import CuratorError
from curator.store.lock import Lease

DRIVER = "postgresql+psycopg"
# Advisory locks of one database (keys are ours to choose): of transactions that write, and of artifacts.
_WRITES, _ARTIFACTS = 0x43555241, 0x43555242
_RETRY_SECONDS = 0.1
# Seconds of silence, seconds between questions, questions: the locks of a lost machine are free in a minute.
_KEEPALIVES = {"tcp_keepalives_idle": 30, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 3}
_HOLDER = text(
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
    "WHERE locktype = 'advisory' AND objid = :key AND granted AND pg_locks.database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
)


def checked_url(given: str) -> URL:
    """The address of a PostgreSQL database.

    Raises:
        CuratorError: no such address, or the driver is not installed.

    """
    try:
        url = make_url(given)
    except ArgumentError:
        url = None
    if url is None or url.drivername not in ("postgresql", "postgres", DRIVER) or not url.database:
        raise CuratorError(f"{given!r} is no database: wanted {DRIVER}://USER@HOST/NAME")
    if find_spec("psycopg") is None:
        raise CuratorError("PostgreSQL needs its driver: pip install 'curator[postgres]'")
    return url.set(drivername=DRIVER)


def without_password(url: URL) -> str:
    """An address that may be written down; the password comes from ~/.pgpass or PGPASSWORD."""
    query = {name: value for name, value in url.query.items() if name != "password"}
    told = URL.create(url.drivername, url.username, None, url.host, url.port, url.database, query)
    return told.render_as_string()


def open_engine(url: URL, busy_seconds: float) -> Engine:
    """An engine whose transactions read one snapshot or, with `write`, wait to be the one writer."""
    engine = create_engine(url, pool_pre_ping=True)

    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("write", False):
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{int(1000 * busy_seconds)}ms'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITES})")
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    event.listen(engine, "connect", _notice_lost_machines)
    event.listen(engine, "begin", begin)
    return engine


def explain(url: URL, error: DBAPIError, busy_seconds: float) -> str | None:
    """What went wrong and what to do about it; None where the caller has made a mistake."""
    cause, place = _first_line(error), without_password(url)
    if "lock timeout" in cause:
        return f"another process has been writing to {place} for {busy_seconds} seconds: try again later"
    if "password" in cause:
        return f"cannot open {place} ({cause}): put the password into ~/.pgpass, or PGPASSWORD"
    if "connection" in cause or "does not exist" in cause:
        return f"cannot open {place} ({cause}): is it there, and is its server running?"
    return None


@contextmanager
def artifact_lock(url: URL, verb: str, wait: float) -> Iterator[Lease]:
    """Be the one process, on any machine, that writes the workspace's artifacts; dies with the process."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    event.listen(engine, "connect", _notice_lost_machines)
    holder = f"`curator {verb}` (process {os.getpid()} on {platform.node()})"[:63]  # the server keeps 63
    with engine.connect() as connection:
        connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": holder})
        deadline = time.monotonic() + wait
        while not _locked(connection):
            if time.monotonic() > deadline:
                other = artifact_lock_holder(connection) or "another curator"
                raise CuratorError(f"{other} is writing to this workspace: wait until it is done")
            time.sleep(_RETRY_SECONDS)
        yield partial(_check_connected, connection)


def artifact_lock_holder(connection: Connection) -> str | None:
    """Which command, on which machine, writes the workspace's artifacts now; None where nobody does."""
    name = connection.execute(_HOLDER, {"key": _ARTIFACTS}).scalar()
    return None if name is None else str(name)


def _locked(connection: Connection) -> bool:
    return bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_ARTIFACTS})").scalar())


def _check_connected(connection: Connection) -> None:
    """A lock lives as long as its connection: where that is cut, somebody else may have the lock by now."""
    try:
        connection.exec_driver_sql("SELECT 1")
    except DBAPIError as error:
        raise CuratorError(
            f"the connection that held the workspace's lock was cut ({_first_line(error)}): nothing more was "
            "written, run the same command again"
        ) from error


def _notice_lost_machines(connection: Any, _record: object) -> None:
    """Let the server give up a machine that has vanished after a minute: the system's own limit is hours."""
    with connection.cursor() as cursor:
        for setting, value in _KEEPALIVES.items():
            cursor.execute(f"SET {setting} = {value}")
    connection.commit()


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]
