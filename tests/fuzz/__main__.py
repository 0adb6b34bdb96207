"""Put strangers' bytes to one reader, or to all: `python -m tests.fuzz image 60` for a minute.

With atheris (`pip install atheris`), which watches which code each input reaches; else at random. A crash
ends the run with its traceback, and leaves the input in crash-<target>-*.
"""

import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np


def main(name: str, seconds: int) -> None:
    """Fuzz a target for so long; all of them, each in a process of its own."""
    if name != "all":
        return guided(name, seconds) if find_spec("atheris") else at_random(name, seconds)
    from tests.fuzz.targets import TARGETS

    for each in TARGETS:
        sys.stdout.write(f"{each}, {seconds} s\n")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-m", "tests.fuzz", each, str(seconds)], check=True)
    return None


def guided(name: str, seconds: int) -> None:
    """Follow coverage of our own code and of the parsers in Python that it calls; ends the process."""
    import atheris

    with atheris.instrument_imports(include=["curator", "curator_indexes", "curator_cli", "PIL", "tarfile"]):
        from tests.fuzz.targets import TARGETS
    for seed in TARGETS[name].seeds:
        TARGETS[name].read(seed)  # imports what it needs before the clock runs
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(TARGETS[name].seeds):
            (Path(corpus) / str(number)).write_bytes(seed)
        limits = [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=4096", "-verbosity=0"]
        atheris.Setup(
            [sys.argv[0], *limits, "-print_final_stats=1", f"-artifact_prefix=crash-{name}-", corpus],
            TARGETS[name].read,
        )
        atheris.Fuzz()


def at_random(name: str, seconds: float) -> None:
    """Mutate the seeds until the time is up."""
    from tests.fuzz.mutate import mutated
    from tests.fuzz.targets import TARGETS

    target, rng = TARGETS[name], np.random.default_rng(0)
    count, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        data = mutated(target.seeds[count % len(target.seeds)], rng)
        count += 1
        try:
            target.read(data)
        except BaseException:
            Path(f"crash-{name}-{count}").write_bytes(data)
            raise
    sys.stdout.write(f"{name}: {count:,} inputs in {seconds:.0f} s, no crash\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
