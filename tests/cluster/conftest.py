"""A Ray cluster for the tests of this folder, which all run in one process."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from .bench import raylets


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """The cluster, to which this process is connected; it takes 15 seconds to start."""
    pytest.importorskip("ray", reason="ray is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own
        with raylets() as cluster:
            yield cluster
