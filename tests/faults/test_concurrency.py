"""Eight processes label, query and propagate on one workspace: no label is lost, nobody waits for ever."""

import time

from tests.faults.bench import Bench
from tests.faults.crowd import crowd

SECONDS = 8.0


def test_eight_processes_on_one_workspace(bench: Bench) -> None:
    case = bench.copied(bench.case)
    started = time.monotonic()
    counts = crowd(case, SECONDS)
    assert counts.lost == []
    assert counts.surprises == []
    assert counts.labels > 0
    assert counts.rankings > 0
    assert time.monotonic() - started < SECONDS + 60
