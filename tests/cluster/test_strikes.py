"""A handful of random strikes; `python -m benchmarks.cluster_crashes` makes many."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import make_database

from .bench import embedded, make_photos, stored
from .strikes import Arena, small_disk

pytestmark = pytest.mark.xdist_group("cluster")
DISK_BYTES = 16 << 20


@pytest.fixture(scope="module")
def arena(cluster: Any, postgresql_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    root = tmp_path_factory.mktemp("strikes")
    make_photos(root / "photos", 60)
    embedded(root / "local", root / "photos")
    try:
        with small_disk(root / "small", DISK_BYTES) as disk:
            expected = stored(root / "local")
            database = lambda: make_database(postgresql_server)  # noqa: E731
            yield Arena(cluster, root / "photos", root, expected, database, disk, seconds=1.0)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system can be mounted here: that takes root")


@pytest.mark.parametrize("kind", ["connection", "disk"])
def test_struck_and_run_again_it_stores_what_the_local_engine_stores(arena: Arena, kind: str) -> None:
    arena.trial(kind)
