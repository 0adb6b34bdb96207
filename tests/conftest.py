"""Databases for tests: SQLite, and a private PostgreSQL server from the machine's own binaries."""

import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BACKENDS = ("sqlite", "postgresql")
SETTINGS = ("listen_addresses=", "fsync=off", "full_page_writes=off", "max_connections=50", "timezone=UTC")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of a module that says ON_EVERY_DATABASE run on each kind of database."""
    if "database_address" in metafunc.fixturenames and getattr(metafunc.module, "ON_EVERY_DATABASE", False):
        metafunc.parametrize("database_address", BACKENDS, indirect=True)


@pytest.fixture
def database_address(request: pytest.FixtureRequest) -> str | None:
    """The address of an empty PostgreSQL database, or None for a file of SQLite."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return None
    return str(request.getfixturevalue("postgresql_address"))


@pytest.fixture
def postgresql_address(postgresql_server: Path) -> str:
    """The address of an empty PostgreSQL database."""
    return make_database(postgresql_server)


def make_database(server: Path) -> str:
    """Make an empty database on a server, and return its address."""
    name = f"test_{uuid.uuid4().hex}"
    _run(server / "bin" / "createdb", "-h", str(server), "-U", "curator", name)
    return f"postgresql+psycopg://curator@/{name}?host={server}"


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Path]:
    """The socket folder of a running server."""
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    if _binaries() is None:
        pytest.skip("no PostgreSQL on this machine: initdb is neither on the path nor where Debian has it")
    with running_server() as home:
        yield home


@contextmanager
def running_server() -> Iterator[Path]:
    """The socket folder of a server that runs until the end of the block."""
    binaries = _binaries()
    if binaries is None:
        raise FileNotFoundError("initdb")
    home = Path(tempfile.mkdtemp(prefix="pg"))
    user = None
    if os.name == "posix" and os.geteuid() == 0:  # the server refuses to run as root
        user = "nobody"
        shutil.chown(home, user)
    (home / "bin").symlink_to(binaries)
    data = home / "data"
    _run(
        binaries / "initdb",
        "-D",
        str(data),
        "-U",
        "curator",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-sync",
        user=user,
    )
    options = [word for setting in SETTINGS for word in ("-c", setting)]
    command = [str(binaries / "postgres"), "-D", str(data), "-k", str(home), *options]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=home)
    try:
        _wait_for(server, binaries / "pg_isready", home)
        yield home
    finally:
        server.send_signal(signal.SIGINT)  # a fast end: nobody is waited for
        server.wait()
        shutil.rmtree(home)


def _binaries() -> Path | None:
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None


def _wait_for(server: subprocess.Popen[bytes], ready: Path, home: Path) -> None:
    for _ in range(300):
        if subprocess.run([ready, "-q", "-h", home, "-t", "1"], check=False).returncode == 0:
            return
        if server.poll() is not None:
            break
        _run(Path("/bin/sleep"), "0.1")
    raise RuntimeError(f"PostgreSQL did not start: {(home / 'log').read_text()}")


def _run(program: Path, *words: str, user: str | None = None) -> None:
    subprocess.run([program, *words], check=True, capture_output=True, user=user, cwd="/")
