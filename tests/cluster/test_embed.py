"""A cluster of two machines gives the bytes of the local engine, whoever dies meanwhile."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curator.encoders import load_encoder
from curator.jobs._engines.cluster import ray_engine
from curator.jobs.status import status
from curator.store import Workspace
from curator_indexes import store_knn_graph
from tests.indexes._oracle import clustered

from .bench import (
    DRIVER,
    STORE_BYTES,
    embedded,
    kill,
    make_photos,
    stored,
    wait_for_machines,
    worker_processes,
)

pytestmark = pytest.mark.xdist_group("cluster")
IMAGES = 90


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cluster") / "photos"
    make_photos(folder, IMAGES)
    return folder


@pytest.fixture(scope="module")
def local(photos: Path) -> dict[str, bytes]:
    """What the local engine stores."""
    embedded(photos.parent / "local", photos)
    return stored(photos.parent / "local")


def test_the_result_is_that_of_the_local_engine(
    cluster: Any, tmp_path: Path, photos: Path, local: dict[str, bytes]
) -> None:
    report = embedded(tmp_path / "w", photos, engine="ray")
    assert (report.images, report.embedded, report.copies, report.broken) == (IMAGES + 1, IMAGES, 1, 1)
    assert stored(tmp_path / "w") == local
    assert embedded(tmp_path / "w", photos, engine="ray").embedded == 0


def test_workers_killed_mid_run_cost_only_their_batches(
    cluster: Any, tmp_path: Path, photos: Path, local: dict[str, bytes]
) -> None:
    killed: list[int] = []

    def kill_all(stage: str, _done: int, _total: int) -> None:
        if stage == "embed" and not killed:
            killed.extend(worker_processes())
            for worker in killed:
                kill(worker)

    report = embedded(tmp_path / "w", photos, engine="ray", progress=kill_all)
    assert killed
    assert report.embedded == IMAGES
    assert stored(tmp_path / "w") == local


def test_a_lost_machine_costs_only_its_batches(
    cluster: Any, tmp_path: Path, photos: Path, local: dict[str, bytes]
) -> None:
    machine = cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
    lost: list[int] = []

    def lose(stage: str, _done: int, _total: int) -> None:
        if stage == "embed" and not lost:
            lost.append(1)
            cluster.remove_node(machine, allow_graceful=False)

    assert embedded(tmp_path / "w", photos, engine="ray", progress=lose).embedded == IMAGES
    assert lost
    assert stored(tmp_path / "w") == local
    wait_for_machines(2)


def test_a_driver_killed_mid_run_is_resumed_by_either_engine(
    cluster: Any, tmp_path: Path, photos: Path, local: dict[str, bytes]
) -> None:
    words = [sys.executable, "-uc", DRIVER, str(tmp_path / "w"), str(photos), cluster.address]
    root = Path(__file__).parents[2]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=root) as driver:
        assert driver.stdout is not None
        for line in driver.stdout:
            if line.startswith("embed"):
                break
        said = status(Workspace.open(tmp_path / "w")).running
        driver.kill()
    assert driver.returncode == -signal.SIGKILL
    assert said is not None
    assert said.startswith(f"`curator embed` (process {driver.pid}) since")
    assert ", on 2 workers of 2 machines" in said
    assert status(Workspace.open(tmp_path / "w")).running is None
    report = embedded(tmp_path / "w", photos)
    assert 0 < report.embedded < IMAGES
    assert stored(tmp_path / "w") == local


def test_blocks_run_on_both_machines_and_come_back_in_order(cluster: Any, tmp_path: Path) -> None:
    def meet(low: int, _high: int) -> int:
        """Wait until the other machine works on a block, too."""
        import ray

        (tmp_path / ray.get_runtime_context().get_node_id()).touch()
        while len(list(tmp_path.iterdir())) < 2:
            time.sleep(0.05)
        return low

    with ray_engine(lambda device: load_encoder(device=device), "auto", None) as engine:
        assert engine.facts == {"engine": "ray", "machines": 2, "workers": 2}
        spans = [(number, number + 1) for number in range(6)]
        assert list(engine.map_blocks(meet, spans)) == list(range(6))


def test_the_graph_is_built_by_the_cluster_from_shared_files(cluster: Any, tmp_path: Path) -> None:
    rows = clustered(21_000, 16, 200).astype(np.float16)  # enough for inverted lists
    np.save(tmp_path / "rows.npy", rows)
    shared = np.load(tmp_path / "rows.npy", mmap_mode="r")
    sent: list[tuple[int, int]] = []
    with ray_engine(lambda device: load_encoder(device=device), "auto", None) as engine:

        def noting(work: Any, spans: Any) -> Any:
            sent.extend(spans)
            return engine.map_blocks(work, spans)

        graph = store_knn_graph(tmp_path / "ray", shared, 8, inputs={}, recall=0.9, map_blocks=noting)
    here = store_knn_graph(tmp_path / "local", shared, 8, inputs={}, recall=0.9)
    assert graph.method == "inverted lists"
    assert sent
    assert graph.recall == here.recall >= 0.9
    assert graph.neighbors.tobytes() == here.neighbors.tobytes()
    assert graph.similarities.tobytes() == here.similarities.tobytes()
