"""What memory and time `propagate`, `query` and `audit` take for each row of a graph that lies on the disk.

    python -m benchmarks.memory [--rows 200000] [--classes 10]

Each runs in a process of its own; what counts is the most memory that is not a mapped file's, above what the
process had before, and processor time.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import curator
from curator_indexes import store_knn_graph

DIMENSIONS, K, LABELLED = 64, 20, 0.01
VERBS: dict[str, Callable[..., Any]] = {
    "propagate": lambda graph, labels, rows: curator.propagate(graph, labels, embeddings=rows),
    "query": lambda graph, labels, rows: curator.query(graph, labels, 100, embeddings=rows),
    "audit": lambda graph, labels, rows: curator.audit(graph, labels, embeddings=rows),
}


def main() -> None:
    """Make the graph, then run each verb on it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--only", nargs=2, metavar=("VERB", "FOLDER"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        print(*memory_and_time(chosen.only[0], Path(chosen.only[1])))
        return
    with tempfile.TemporaryDirectory() as name:
        make_case(Path(name), chosen.rows, chosen.classes)
        print(f"{chosen.rows:,} rows of {DIMENSIONS} dimensions, k = {K}, {chosen.classes} classes")
        for verb in VERBS:
            words = [sys.executable, "-m", "benchmarks.memory", "--only", verb, name]
            # The allocator gives memory back at once, as it does by itself for the arrays of a million rows.
            environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}
            told = subprocess.run(words, check=True, capture_output=True, text=True, env=environment).stdout
            taken, seconds = (float(word) / chosen.rows for word in told.split())
            print(f"{verb:10} {taken:8.0f} bytes, {1e6 * seconds:8.0f} microseconds a row", flush=True)


def make_case(folder: Path, n: int, classes: int) -> None:
    """Clustered rows, their graph on the disk, and labels of a hundredth."""
    rng = np.random.default_rng(0)
    truth = rng.integers(classes, size=n)
    rows = rng.normal(size=(classes, DIMENSIONS))[truth] + rng.normal(size=(n, DIMENSIONS))
    np.save(folder / "rows.npy", rows.astype(np.float16))
    np.save(folder / "labels.npy", np.where(rng.random(n) < LABELLED, truth, -1))
    store_knn_graph(folder / "graph", np.load(folder / "rows.npy", mmap_mode="r"), K, inputs={}, recall=0.8)


def memory_and_time(verb: str, folder: Path) -> tuple[int, float]:
    """The most bytes that a verb took, and its seconds of a processor."""
    graph = curator.KnnGraph.load(folder / "graph")
    labels, rows = np.load(folder / "labels.npy"), np.load(folder / "rows.npy", mmap_mode="r")
    small = curator.knn_graph(np.asarray(rows[:500]), 10)
    VERBS[verb](
        small, np.where(np.arange(500) % 5, -1, np.arange(500) % 3), np.asarray(rows[:500])
    )  # imports
    before, most, done = anonymous(), [0], threading.Event()

    def watch() -> None:
        while not done.is_set():
            most[0] = max(most[0], anonymous())
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    spent = time.process_time()
    VERBS[verb](graph, labels, rows)
    spent = time.process_time() - spent
    done.set()
    watcher.join()
    return most[0] - before, spent


def anonymous() -> int:
    """Bytes of memory of this process that no file stands behind."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(status.partition("RssAnon:")[2].split()[0])


if __name__ == "__main__":
    main()
