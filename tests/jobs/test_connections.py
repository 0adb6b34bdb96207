"""Connections to the database server that are cut: the command ends in one line, the next one goes on."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from curator.errors import CuratorError
from curator.jobs.embed import embed
from curator.jobs.status import status
from curator.store import Workspace

from .conftest import ProjectionEncoder
from .test_embed import stored_bytes

CUT = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def cut(address: str) -> None:
    """Let the server end all connections to a database but the one that asks for it."""
    engine = create_engine(address)
    with engine.connect() as connection:
        connection.execute(CUT)
    engine.dispose()


@pytest.mark.parametrize(("stage", "done"), [("embed", 8), ("embed", 40), ("graph", 60)])
def test_cut_mid_run(
    tmp_path: Path, photos: Path, encoder: ProjectionEncoder, postgresql_address: str, stage: str, done: int
) -> None:
    undisturbed = Workspace.create(tmp_path / "undisturbed", photos)
    embed(undisturbed)

    def cutting(now: str, so_far: int, _total: int) -> None:
        if (now, so_far) == (stage, done):
            cut(postgresql_address)

    workspace = Workspace.create(tmp_path / "w", photos, database=postgresql_address)
    with pytest.raises(CuratorError, match=r"held the workspace's lock was cut .*run the same command again"):
        embed(workspace, progress=cutting)
    assert status(workspace).running is None
    assert embed(workspace).embedded == 60 - (done if stage == "embed" else 60)
    assert stored_bytes(workspace) == stored_bytes(undisturbed)


def test_whoever_lost_the_lock_stops_before_the_next_batch(
    tmp_path: Path, photos: Path, encoder: ProjectionEncoder, postgresql_address: str
) -> None:
    """A second command may hold the lock by then: two at once would write over each other."""
    workspace = Workspace.create(tmp_path / "w", photos, database=postgresql_address)
    other = Workspace.create(tmp_path / "w", photos, database=postgresql_address)
    said: list[str | None] = []

    def usurp(_stage: str, so_far: int, _total: int) -> None:
        if so_far == 16 and not said:
            cut(postgresql_address)
            said.append(status(other).running)
            embed(other)

    with pytest.raises(CuratorError, match="lock was cut"):
        embed(workspace, progress=usurp)
    assert said == [None]
    assert embed(workspace).embedded == 0


def test_status_says_who_works_on_another_machine(
    tmp_path: Path, photos: Path, encoder: ProjectionEncoder, postgresql_address: str
) -> None:
    workspace = Workspace.create(tmp_path / "w", photos, database=postgresql_address)
    said: list[str | None] = []

    def look(_stage: str, _done: int, _total: int) -> None:
        said.append(status(Workspace.open(tmp_path / "w")).running)

    embed(workspace, progress=look)
    assert str(said[-1]).startswith("`curator embed` (process ")
    assert " on " in str(said[-1])
    assert str(said[-1]).endswith(" of 60")
