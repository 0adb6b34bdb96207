"""The record of what was run: verb, parameters, versions, outcome."""

import importlib.metadata
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select, update

from curator.store.database import Database
from curator.store.schema import run

PACKAGES = ("curator", "faiss-cpu", "numpy", "pillow", "scipy", "torch", "torchvision")


@contextmanager
def recorded(database: Database, verb: str, parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Record one run. The caller fills the yielded dict with the outcome; the state says how it ended."""
    values = {"verb": verb, "state": "running", "parameters": parameters, "versions": versions()}
    with database.writing() as connection:
        result = connection.execute(insert(run).values(**values, started_at=_now()).returning(run.c.id))
        run_id = result.scalar_one()
    outcome: dict[str, Any] = {}
    state = "interrupted"
    try:
        yield outcome
        state = "done"
    except Exception:
        state = "failed"
        raise
    finally:
        ended = {"state": state, "outcome": outcome, "finished_at": _now()}
        with database.writing() as connection:
            connection.execute(update(run).where(run.c.id == run_id).values(**ended))


def last_run(database: Database, verb: str) -> dict[str, Any] | None:
    """The newest finished run of a verb, or None."""
    query = select(run).where(run.c.verb == verb, run.c.state == "done").order_by(run.c.id.desc()).limit(1)
    with database.reading() as connection:
        row = connection.execute(query).mappings().first()
        return None if row is None else dict(row)


def unfinished_runs(database: Database) -> list[tuple[int, str, str]]:
    """Number, verb and start of each run that is under way, or was killed."""
    query = select(run.c.id, run.c.verb, run.c.started_at).where(run.c.state == "running").order_by(run.c.id)
    with database.reading() as connection:
        return [(row.id, row.verb, row.started_at) for row in connection.execute(query)]


def close_run(database: Database, number: int) -> None:
    """Say of a run that was killed that it was interrupted."""
    with database.writing() as connection:
        connection.execute(
            update(run).where(run.c.id == number).values(state="interrupted", finished_at=_now())
        )


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
