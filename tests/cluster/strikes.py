"""Something breaks while a cluster embeds, at a random moment; nothing may be lost or be there twice."""

import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, select

from curator.errors import CuratorError
from curator.store import Workspace
from curator.store.schema import vector
from tests.cluster.bench import DRIVER, STORE_BYTES, embedded, kill, stored, worker_processes
from tests.jobs.test_connections import cut

ROOT = Path(__file__).parents[2]


@dataclass
class Arena:
    """A cluster, photos, and what the local engine makes of them.

    `disk` is a small file system; `new_database` gives the address of an empty PostgreSQL database.
    """

    cluster: Any
    photos: Path
    root: Path
    expected: dict[str, bytes]
    new_database: Callable[[], str]
    disk: Path
    seconds: float  # that a run takes
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    trials: int = 0

    def trial(self, kind: str) -> bool:
        """One strike; whether the run was hit before it had ended. AssertionError where it did harm."""
        self.trials += 1
        folder = (self.disk if kind == "disk" else self.root) / f"trial {self.trials}"
        database = self.new_database() if kind == "connection" else None
        hit = STRIKES[kind](self, folder, database)
        embedded(folder, self.photos, database, engine="ray")
        self._check(folder)
        shutil.rmtree(folder)
        return hit

    def moment(self) -> float:
        """A moment of a run, in seconds."""
        return float(self.rng.uniform(0.05, self.seconds))

    def _check(self, folder: Path) -> None:
        assert stored(folder) == self.expected
        workspace = Workspace.open(folder)
        contents = workspace.catalog.count_contents()
        with workspace.database.reading() as connection:
            assert connection.execute(select(func.count()).select_from(vector)).scalar_one() == contents


def _while_embedding(arena: Arena, folder: Path, database: str | None, strike: Callable[[], None]) -> bool:
    """Embed in this process while another thread strikes; whether it was told, or had to do things again."""
    struck = threading.Event()

    def act() -> None:
        struck.set()
        strike()

    timer = threading.Timer(arena.moment(), act)
    timer.start()
    with suppress(CuratorError, OSError):
        embedded(folder, arena.photos, database, engine="ray")
    timer.cancel()
    timer.join()
    return struck.is_set()


def strike_worker(arena: Arena, folder: Path, database: str | None) -> bool:
    """Kill -9 of one worker process or of all."""

    def strike() -> None:
        workers = worker_processes()
        for worker in workers if arena.rng.random() < 0.5 else workers[:1]:
            kill(worker)

    return _while_embedding(arena, folder, database, strike)


def strike_machine(arena: Arena, folder: Path, database: str | None) -> bool:
    """A third machine joins, and is gone."""
    machine = arena.cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
    gone: list[Any] = []

    def strike() -> None:
        gone.append(machine)
        arena.cluster.remove_node(machine, allow_graceful=False)

    hit = _while_embedding(arena, folder, database, strike)
    if not gone:
        arena.cluster.remove_node(machine, allow_graceful=False)
    return hit


def strike_connection(arena: Arena, folder: Path, database: str | None) -> bool:
    """The server ends all connections."""
    return _while_embedding(arena, folder, database, lambda: cut(str(database)))


def strike_disk(arena: Arena, folder: Path, database: str | None) -> bool:
    """The disk has room for a part of the results."""
    needed = sum(map(len, arena.expected.values()))
    free = int(arena.rng.uniform(0.02, 1.2) * needed) + (200 << 10)
    ballast = arena.disk / "ballast"
    with suppress(OSError):
        ballast.write_bytes(bytes(max(0, shutil.disk_usage(arena.disk).free - free)))
    failed = False
    try:
        embedded(folder, arena.photos, database, engine="ray")
    except (CuratorError, OSError):
        failed = True
    ballast.unlink()
    return failed


def strike_driver(arena: Arena, folder: Path, database: str | None) -> bool:
    """Kill -9 of the process in which the command runs, some time after its first word."""
    words = [sys.executable, "-uc", DRIVER, str(folder), str(arena.photos), arena.cluster.address]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as driver:
        assert driver.stdout is not None
        driver.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            driver.wait(arena.moment())
        driver.kill()
        driver.stdout.read()
    return driver.returncode == -signal.SIGKILL


STRIKES: dict[str, Callable[[Arena, Path, str | None], bool]] = {
    "worker": strike_worker,
    "machine": strike_machine,
    "driver": strike_driver,
    "connection": strike_connection,
    "disk": strike_disk,
}


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[Path]:
    """A file system of so many bytes; CalledProcessError where none can be mounted."""
    place.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    subprocess.run(mount, capture_output=True, check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)
