"""Fuzz one reader: `python -m tests.fuzz image 60` for a minute.

With atheris (`pip install atheris`), which watches which code each input reaches; else at random. A crash
ends the run with its traceback, and leaves the input in crash-<target>.
"""

import sys
import time
from pathlib import Path

import numpy as np

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS, Target


def main(name: str, seconds: int) -> None:
    """Fuzz a target for so long."""
    try:
        import atheris
    except ImportError:
        return at_random(name, TARGETS[name], seconds)
    if name == "labels":  # the other readers are mostly compiled
        atheris.instrument_all()
    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-timeout=20"], TARGETS[name].read)
    atheris.Fuzz()
    return None


def at_random(name: str, target: Target, seconds: float) -> None:
    """Mutate the seeds until the time is up."""
    rng, count, until = np.random.default_rng(0), 0, time.monotonic() + seconds
    while time.monotonic() < until:
        data = mutated(target.seeds[count % len(target.seeds)], rng)
        count += 1
        try:
            target.read(data)
        except BaseException:
            Path(f"crash-{name}").write_bytes(data)
            raise
    sys.stdout.write(f"{name}: {count:,} inputs in {seconds:.0f} s, no crash\n")


if __name__ == "__main__":
    for chosen in [sys.argv[1]] if sys.argv[1] != "all" else TARGETS:
        main(chosen, int(sys.argv[2]))
