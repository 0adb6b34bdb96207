"""PostgreSQL: one database a workspace, many machines, and still one writer at a time.

Statements in the label log are numbered in the order in which they count. One writer at a time keeps it so;
writes are short.
"""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from curator.errors import CuratorError

DRIVER = "postgresql+psycopg"
# Advisory locks of one database (keys are ours to choose): of transactions that write, and of artifacts.
_WRITES, _ARTIFACTS = 0x43555241, 0x43555242
_RETRY_SECONDS = 0.1
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

    event.listen(engine, "begin", begin)
    return engine


def explain(url: URL, error: DBAPIError, busy_seconds: float) -> str | None:
    """What went wrong and what to do about it; None where the caller has made a mistake."""
    cause, place = str(error.orig).strip().splitlines()[0], without_password(url)
    if "lock timeout" in cause:
        return f"another process has been writing to {place} for {busy_seconds} seconds: try again later"
    if "password" in cause:
        return f"cannot open {place} ({cause}): put the password into ~/.pgpass, or PGPASSWORD"
    if "connection" in cause or "does not exist" in cause:
        return f"cannot open {place} ({cause}): is it there, and is its server running?"
    return None


@contextmanager
def artifact_lock(url: URL, verb: str, wait: float) -> Iterator[None]:
    """Be the one process, on any machine, that writes the workspace's artifacts; dies with the process."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    holder = f"`curator {verb}` (process {os.getpid()} on {platform.node()})"[:63]  # the server keeps 63
    with engine.connect() as connection:
        connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": holder})
        deadline = time.monotonic() + wait
        while not _locked(connection):
            if time.monotonic() > deadline:
                other = connection.execute(_HOLDER, {"key": _ARTIFACTS}).scalar() or "another curator"
                raise CuratorError(f"{other} is writing to this workspace: wait until it is done")
            time.sleep(_RETRY_SECONDS)
        yield


def _locked(connection: Connection) -> bool:
    return bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_ARTIFACTS})").scalar())
