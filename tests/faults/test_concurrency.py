"""Eight processes label, query, propagate and embed at once: nothing is lost, nobody waits for ever."""

import time
from pathlib import Path

from tests.faults.crowd import crowd

SECONDS = 5.0


def test_eight_processes_on_one_workspace(tmp_path: Path) -> None:
    started = time.monotonic()
    counts = crowd(tmp_path, SECONDS)
    assert counts.lost == []
    assert counts.surprises == []
    assert counts.labels > 0
    assert counts.rankings > 0
    assert counts.images > 0
    assert time.monotonic() - started < SECONDS + 60
