"""kill -9 before any step of any command that writes: nothing is lost, the rerun gives the same bytes.

Here every few steps of each; `python -m benchmarks.crashes` takes them all, and random moments besides.
"""

import signal

import pytest

from tests.faults.bench import Bench
from tests.faults.verbs import PIPELINE

STRIDE = {"embed": 5, "propagate": 5}  # a prime or so apart: writes, flushes and renames all get their turn


@pytest.mark.parametrize("verb", PIPELINE)
def test_killed_before_a_step(bench: Bench, verb: str) -> None:
    steps = bench.stages[verb].steps
    assert steps > 0, "what writes nothing is not to be tested here"
    for moment in range(0, steps, STRIDE.get(verb, 3)):
        case, ending = bench.struck(verb, "kill", moment)
        assert ending.killed == signal.SIGKILL
        bench.check(verb, case)


def test_killed_twice_in_a_row(bench: Bench) -> None:
    case, _ = bench.struck("embed", "kill", 40)
    assert bench.run("embed", case, "kill", 30).killed == signal.SIGKILL
    bench.check("embed", case)
