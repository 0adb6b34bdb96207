"""Photos, what the local engine makes of them, and ways to kill what works on a cluster."""

import importlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from curator.jobs.embed import EmbedReport, embed
from curator.store import Workspace

SIDE = 24
STORE_BYTES = 100 << 20  # shared memory of a machine
DRIVER = """
import sys
from pathlib import Path
from tests.cluster.bench import embedded
embedded(Path(sys.argv[1]), Path(sys.argv[2]), engine="ray", address=sys.argv[3], progress=print)
"""


@contextmanager
def raylets(count: int = 2) -> Iterator[Any]:
    """A Ray cluster of machines that are processes here, a processor each; this process is connected."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # by default workers yield to all else on the machine
    ray = importlib.import_module("ray")
    cluster = _started(count)
    try:
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def wait_for_machines(count: int) -> None:
    """Until the cluster knows of just so many: one that left is missed only after a while."""
    ray = importlib.import_module("ray")
    while sum(machine["Alive"] for machine in ray.nodes()) != count:
        time.sleep(0.1)


def _started(count: int, tries: int = 4) -> Any:
    """The cluster; Ray gives a raylet half a minute to start, which a busy machine may not manage at once."""
    machine = {"num_cpus": 1, "object_store_memory": STORE_BYTES}
    cluster = importlib.import_module("ray.cluster_utils").Cluster()
    try:
        cluster.add_node(**machine, include_dashboard=False)
        for _ in range(count - 1):
            cluster.add_node(**machine)
    except Exception:
        cluster.shutdown()
        if tries == 1:
            raise
        return _started(count, tries - 1)
    return cluster


def make_photos(folder: Path, count: int) -> None:
    """Noisy pictures, a copy of the first, and a file that is no picture."""
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, size=(SIDE, SIDE, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:05}.png")
    shutil.copy(folder / "00000.png", folder / "zz-copy.png")
    (folder / "broken.png").write_bytes(b"no image")


def embedded(folder: Path, photos: Path, database: str | None = None, **options: Any) -> EmbedReport:
    """Embed with the bundled encoder, eight images at a time, so that there are many batches."""
    workspace = Workspace.create(folder, photos, database=database)
    return embed(workspace, device="cpu", batch_size=8, k=5, **options)


def stored(folder: Path) -> dict[str, bytes]:
    """Everything that `embed` computes, byte for byte."""
    files = [path for path in (folder / "encoders").rglob("*") if path.suffix in (".npy", ".f16", ".faiss")]
    return {path.name: path.read_bytes() for path in files}


def worker_processes() -> list[int]:
    """Process ids of Ray's workers on this machine, those first that have a task."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with suppress(OSError):
                name = (process / "cmdline").read_bytes()
                if name.startswith(b"ray::") and b"Agent" not in name and _ours(int(process.name)):
                    found.append((name.startswith(b"ray::IDLE"), int(process.name)))
    return [number for _, number in sorted(found)]


def _ours(process: int) -> bool:
    """Whether a worker belongs to a cluster of this process: its raylet is our child."""
    parent = _parent(process)
    return parent == os.getpid() or _parent(parent) == os.getpid()


def _parent(process: int) -> int:
    status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    return int(status.rpartition(")")[2].split()[1])


def kill(process: int) -> None:
    """Kill -9, if it still lives."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
