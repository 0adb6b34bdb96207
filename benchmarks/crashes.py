"""The long run of the fault tests: every step killed, a thousand damages, eight processes for minutes.

    python -m benchmarks.crashes [--moments 200] [--damages 1000] [--minutes 5]

Prints one line per part, and ends with status 1 where a promise of docs/reliability.md was broken.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tests.faults.bench import Bench
from tests.faults.crowd import crowd
from tests.faults.runner import running
from tests.faults.test_damage import VERBS
from tests.faults.verbs import PIPELINE

Trial = tuple[str, Callable[[], None]]


def main() -> int:
    """Run all parts; the number of broken promises, at most 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--moments", type=int, default=200, help="random moments at which commands are killed"
    )
    parser.add_argument("--damages", type=int, default=1000, help="random damages to a workspace's files")
    parser.add_argument("--minutes", type=float, default=5, help="how long eight processes work at once")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running() as run:
        bench = Bench(run, Path(folder))
        broken = part("killed before every step", every_step(bench, "kill"))
        broken += part("disk full at every step", every_step(bench, "full"))
        broken += part("disk fails at every step", every_step(bench, "broken"))
        broken += part("killed at a random moment", random_moments(bench, chosen.moments))
        broken += part("damaged", damages(bench, chosen.damages))
        broken += together(bench, 60 * chosen.minutes)
    return int(broken > 0)


def part(name: str, trials: Iterator[Trial]) -> int:
    """Try all, print how many, and which of them broke a promise."""
    started, count, broken = time.perf_counter(), 0, 0
    for what, trial in trials:
        count += 1
        try:
            trial()
        except AssertionError as error:
            broken += 1
            print(f"  {what}: {error}")
    print(
        f"{name}: {count:,} trials, {broken} broken promises, {time.perf_counter() - started:.0f} s",
        flush=True,
    )
    return broken


def every_step(bench: Bench, fault: str) -> Iterator[Trial]:
    """Each step of each command that writes."""
    for verb, stage in bench.stages.items():
        for moment in range(stage.steps):
            yield f"{verb}, step {moment}", lambda v=verb, m=moment: _struck(bench, v, fault, m)  # type: ignore[misc]


def _struck(bench: Bench, verb: str, fault: str, moment: int) -> None:
    case, ending = bench.struck(verb, fault, moment)
    assert ending.killed == signal.SIGKILL if fault == "kill" else ending.plain, ending
    bench.check(verb, case)


def random_moments(bench: Bench, count: int) -> Iterator[Trial]:
    """Moments drawn from the time that a command takes, wherever it then is: in a write, too."""
    rng = np.random.default_rng(0)
    lengths = {verb: _length(bench, verb) for verb in PIPELINE}
    for number in range(count):
        verb = PIPELINE[number % len(PIPELINE)]
        seconds = float(rng.uniform(0.001, lengths[verb]))
        yield f"{verb}, {seconds:.3f} s", lambda v=verb, s=seconds: _killed_after(bench, v, s)  # type: ignore[misc]


def _length(bench: Bench, verb: str) -> float:
    started = time.perf_counter()
    bench.struck(verb)
    return time.perf_counter() - started


def _killed_after(bench: Bench, verb: str, seconds: float) -> None:
    case, _ = bench.struck(verb, seconds=seconds)
    bench.check(verb, case)


def damages(bench: Bench, count: int) -> Iterator[Trial]:
    """Half of them to the database, half to all other files."""
    for number in range(count):
        verb, seed, database = VERBS[number // 2 % len(VERBS)], 1000 + number, bool(number % 2)
        yield (
            f"{verb}, seed {seed}",
            lambda v=verb, s=seed, d=database: bench.check_damaged(v, s, database=d),  # type: ignore[misc]
        )


def together(bench: Bench, seconds: float) -> int:
    """Eight processes on one workspace."""
    counts = crowd(bench.root / "crowd", seconds)
    print(
        f"eight processes for {seconds:.0f} s: {counts.labels:,} labels acknowledged, "
        f"{len(counts.lost)} lost; "
        f"{counts.rankings:,} rounds of query and propagate, {counts.images:,} of embed, "
        f"{counts.refusals:,} told to wait, "
        f"{len(counts.surprises)} other errors"
    )
    return len(counts.lost) + len(counts.surprises)


if __name__ == "__main__":
    sys.exit(main())
