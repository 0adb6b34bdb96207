"""Workers, machines, drivers, connections and disks that fail at random moments of `embed --engine ray`.

    python -m benchmarks.cluster_crashes [--trials 50] [--images 200]

Each trial embeds on a cluster of two raylets on this machine, is struck, and is run again; it counts as
broken where what is stored then is not, byte for byte, what the local engine stores: status 1 if any is.
Wants PostgreSQL's programs, and root for the small file system.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.cluster.bench import embedded, make_photos, raylets, stored
from tests.cluster.strikes import STRIKES, Arena, small_disk
from tests.conftest import make_database, running_server

DISK_BYTES = 64 << 20


def main() -> int:
    """Run the trials in turn; 1 where one was broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--images", type=int, default=200)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, running_server() as server, raylets() as cluster:
        root = Path(name)
        make_photos(root / "photos", chosen.images)
        embedded(root / "local", root / "photos")
        expected = stored(root / "local")
        embedded(root / "warm", root / "photos", engine="ray")
        started = time.perf_counter()
        embedded(root / "timed", root / "photos", engine="ray")
        seconds = time.perf_counter() - started
        print(f"{chosen.images} images in batches of 8, {seconds:.1f} s undisturbed", flush=True)
        with small_disk(root / "small", DISK_BYTES) as disk:
            arena = Arena(
                cluster, root / "photos", root, expected, lambda: make_database(server), disk, seconds
            )
            return run(arena, chosen.trials)


def run(arena: Arena, trials: int) -> int:
    """One kind after the other, again and again; prints a line for each kind."""
    hit, broken, done = Counter[str](), Counter[str](), Counter[str]()
    started = time.perf_counter()
    for number in range(trials):
        kind = list(STRIKES)[number % len(STRIKES)]
        done[kind] += 1
        try:
            struck = arena.trial(kind)
            hit[kind] += struck
            print(f"  {number} {kind}{'' if struck else ': ended before'}", flush=True)
        except AssertionError as error:
            broken[kind] += 1
            print(f"  {kind}, trial {number}: {str(error)[:200]}", flush=True)
    for kind, count in done.items():
        print(f"{kind}: {count} trials, {hit[kind]} struck before the end, {broken[kind]} broken")
    print(f"{trials} trials, {broken.total()} broken, {time.perf_counter() - started:.0f} s")
    return int(broken.total() > 0)


if __name__ == "__main__":
    sys.exit(main())
