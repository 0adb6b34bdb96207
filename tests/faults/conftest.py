"""One undisturbed run of the whole pipeline, shared by the tests of a worker."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.bench import Bench
from tests.faults.runner import running


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Workspaces before and after each command, and a process to run more of them."""
    if os.name == "nt":
        pytest.skip("fork and SIGKILL are POSIX")
    with running() as run:
        yield Bench(run, Path(tmp_path_factory.mktemp("faults")))
