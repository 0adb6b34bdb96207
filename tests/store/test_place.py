"""Where the database is: remembered without a password, and never changed under a workspace's feet."""

import subprocess
import sys
from pathlib import Path

import pytest

from curator.errors import CuratorError
from curator.store import Workspace
from curator.store._place import database_place, is_workspace, settle_database
from curator.store.database import Database

ADDRESS = "postgresql+psycopg://ann@server:5433/photos"

HOLD = """
import sys, time
from pathlib import Path
from curator.store.database import Database
with Database(sys.argv[1]).artifacts_locked(Path(sys.argv[2]), "embed"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_address_is_remembered_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle_database(tmp_path, "postgresql://ann:secret@server:5433/photos")
    assert (tmp_path / "database.url").read_text() == f"{ADDRESS}\n"
    assert is_workspace(tmp_path)
    assert database_place(tmp_path) == ADDRESS
    monkeypatch.setenv("CURATOR_DATABASE", "postgresql://ann:secret@server:5433/photos")
    assert database_place(tmp_path) == "postgresql://ann:secret@server:5433/photos"
    monkeypatch.setenv("CURATOR_DATABASE", "postgresql://ann:secret@server:5433/others")
    assert database_place(tmp_path) == ADDRESS, "another workspace's"


def test_a_password_among_the_parameters_is_not_written_down_either(tmp_path: Path) -> None:
    settle_database(tmp_path, f"{ADDRESS}?password=secret&sslmode=require")
    assert (tmp_path / "database.url").read_text() == f"{ADDRESS}?sslmode=require\n"


def test_without_the_driver_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curator.store._postgresql.find_spec", lambda _name: None)
    with pytest.raises(CuratorError, match=r"pip install 'curator\[postgres\]'"):
        Database(ADDRESS)


def test_a_workspace_stays_with_its_database(tmp_path: Path) -> None:
    settle_database(tmp_path, ADDRESS)
    settle_database(tmp_path, ADDRESS)
    with pytest.raises(CuratorError, match=r"server:5433/photos: to move them, .*curator label export"):
        settle_database(tmp_path, "postgresql://ann@server/others")
    (tmp_path / "file").mkdir()
    (tmp_path / "file" / "curator.db").touch()
    with pytest.raises(CuratorError, match=r"curator\.db"):
        settle_database(tmp_path / "file", ADDRESS)


@pytest.mark.parametrize("address", ["mysql://server/photos", "postgresql://server", "photos", "a b://"])
def test_what_is_no_address_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(CuratorError, match="wanted postgresql"):
        Database(address)


def test_a_server_that_is_not_there_is_named_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(CuratorError, match=r"cannot open postgresql\+psycopg://ann@/photos") as caught:
        Database(f"postgresql://ann:secret@/photos?host={tmp_path}")
    assert "secret" not in str(caught.value)


def test_two_folders_share_labels_on_a_server(tmp_path: Path, postgresql_address: str) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("one", "two"):
        Workspace.create(tmp_path / name, tmp_path / "photos", database=postgresql_address).set(name, "known")
    assert Workspace.open(tmp_path / "one").find_setting("two") == "known"
    assert not (tmp_path / "one" / "curator.db").exists()


def test_the_artifact_lock_holds_across_folders_and_dies_with_its_holder(
    tmp_path: Path, postgresql_address: str
) -> None:
    command = [sys.executable, "-c", HOLD, postgresql_address, str(tmp_path / "elsewhere")]
    database = Database(postgresql_address)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        wait = database.artifacts_locked(tmp_path, "propagate", wait=0.05)
        with pytest.raises(CuratorError, match=rf"`curator embed` \(process {holder.pid} on"), wait:
            pass
        holder.kill()
        holder.wait()
    with database.artifacts_locked(tmp_path, "propagate", wait=5):
        pass
    with database.artifacts_locked(tmp_path, "propagate", wait=5):
        pass
