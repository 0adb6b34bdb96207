"""The record of what was run: verb, parameters, versions, outcome."""

import importlib.metadata
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from sqlalchemy import insert, select, update

from curator.store.database import Database
from curator.store.schema import run

PACKAGES = ("curator", "faiss-cpu", "numpy", "pillow", "scipy", "torch", "torchvision")
_SECONDS_BETWEEN = 3.0  # notes of how far a run is


class Outcome(dict[str, Any]):
    """What came of a run, to be filled in by it; until then, `note` says how far it is."""

    def __init__(self, database: Database, run_id: int) -> None:
        super().__init__()
        self._database, self._run_id = database, run_id
        self._noted = float("-inf")

    def note(self, stage: str, done: int, total: int) -> None:
        """Say how far a stage is, for others to read; now and then this reaches the database."""
        if monotonic() - self._noted < _SECONDS_BETWEEN:
            return
        self._noted = monotonic()
        so_far = {"stage": stage, "done": done, "total": total}
        with self._database.writing() as connection:
            connection.execute(update(run).where(run.c.id == self._run_id).values(outcome=so_far))


@dataclass(frozen=True)
class Unfinished:
    """A run that is under way, or was killed; `so_far` is its last note, with stage, done and total."""

    number: int
    verb: str
    started_at: str
    parameters: dict[str, Any]
    so_far: dict[str, Any]


@contextmanager
def recorded(database: Database, verb: str, parameters: dict[str, Any]) -> Iterator[Outcome]:
    """Record one run. The caller fills the yielded dict with the outcome; the state says how it ended."""
    values = {"verb": verb, "state": "running", "parameters": parameters, "versions": versions()}
    with database.writing() as connection:
        result = connection.execute(insert(run).values(**values, started_at=_now()).returning(run.c.id))
        run_id = result.scalar_one()
    outcome = Outcome(database, run_id)
    state = "interrupted"
    try:
        yield outcome
        state = "done"
    except Exception:
        state = "failed"
        raise
    finally:
        ended = {"state": state, "outcome": dict(outcome), "finished_at": _now()}
        with database.writing() as connection:
            connection.execute(update(run).where(run.c.id == run_id).values(**ended))


def last_run(database: Database, verb: str) -> dict[str, Any] | None:
    """The newest finished run of a verb, or None."""
    query = select(run).where(run.c.verb == verb, run.c.state == "done").order_by(run.c.id.desc()).limit(1)
    with database.reading() as connection:
        row = connection.execute(query).mappings().first()
        return None if row is None else dict(row)


def unfinished_runs(database: Database) -> list[Unfinished]:
    """The runs that are under way, or were killed, oldest first."""
    columns = (run.c.id, run.c.verb, run.c.started_at, run.c.parameters, run.c.outcome)
    query = select(*columns).where(run.c.state == "running").order_by(run.c.id)
    with database.reading() as connection:
        return [Unfinished(*row[:4], row.outcome or {}) for row in connection.execute(query)]


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
