"""Live updates and full solves of the propagation at a million rows: time, memory, agreement.

python -m benchmarks.live updates solve --rows 1000000

updates: one label more by `SoftLabels.update`, beside the full solve that it stands for. solve: 100 classes
at once, beside scikit-learn's LabelSpreading and scipy's conjugate gradients on the same matrix.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from benchmarks.knn_methods import Floats, manifold, peak_memory
from curator import SoftLabels, propagate
from curator.propagation.diffusion import GAMMA, NEIGHBORS, Diffusion, alpha_for
from curator_indexes import KnnGraph, affinity, knn_graph, normalized

Ids = npt.NDArray[np.int64]

CLASSES, MANY_CLASSES, UPDATES, K = 10, 100, 200, 20
LABELS_PER_CLASS = (1, 5, 50, 500)


def parts_of(rows: Floats, count: int) -> Ids:
    """Classes for rows: the nearest of a few centres, after five rounds of k-means."""
    centers = rows[np.random.default_rng(0).choice(len(rows), count, replace=False)]
    for _ in range(5):
        nearest = (rows @ centers.T).argmax(axis=1)
        centers = np.stack([rows[nearest == part].mean(axis=0) for part in range(count)])
        centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    return np.asarray((rows @ centers.T).argmax(axis=1))


def labels_of(classes: Ids, per_class: int, rng: np.random.Generator) -> Ids:
    """As many labels of each class, drawn at random; -1 elsewhere."""
    labels = np.full(len(classes), -1)
    for part in range(classes.max() + 1):
        labels[rng.choice(np.flatnonzero(classes == part), per_class, replace=False)] = part
    return labels


def updates(graph: KnnGraph, classes: Ids) -> None:
    """Print, for more and more labels, how long an update takes and how near it is to a full solve."""
    print(
        "| labels a class | update, median | p99 | changed by 20 labels | agree after 1 | after 20 | settle |"
    )
    print("|---|---|---|---|---|---|---|")
    for per_class in LABELS_PER_CLASS:
        rng = np.random.default_rng(0)
        soft = propagate(graph, labels_of(classes, per_class, rng))
        before, seconds, agreeing = soft.predictions.copy(), [], []
        for count, row in enumerate(rng.choice(np.flatnonzero(soft.labels < 0), UPDATES, replace=False), 1):
            start = time.perf_counter()
            soft.update(row, classes[row])
            seconds.append(time.perf_counter() - start)
            if count in (1, 20):
                after = settled(graph, soft).predictions
                agreeing.append(float((soft.predictions == after).mean()))
        start = time.perf_counter()
        soft.settle()
        settling = time.perf_counter() - start
        print(
            f"| {per_class} | {1e3 * median(seconds):.0f} ms | {1e3 * np.quantile(seconds, 0.99):.0f} ms "
            f"| {100 * (before != after).mean():.2f} % | {100 * agreeing[0]:.2f} % "
            f"| {100 * agreeing[1]:.2f} % | {settling:.1f} s |",
            flush=True,
        )


def settled(graph: KnnGraph, soft: SoftLabels) -> SoftLabels:
    """A full solve of the same labels."""
    return propagate(graph, soft.labels, alpha=soft.alpha, calibration=soft.calibration)


def solves(graph: KnnGraph, classes: Ids) -> None:
    """Print the time and memory of full solves."""
    labels = labels_of(classes, 10, np.random.default_rng(0))
    result = 4 * len(labels) * MANY_CLASSES
    matrix = normalized(affinity(graph, k=NEIGHBORS, gamma=GAMMA))

    def ours() -> object:
        return Diffusion(graph, k=NEIGHBORS, gamma=GAMMA, alpha=alpha_for(labels)).spread(
            *seeds, MANY_CLASSES
        )

    def scipy_cg() -> object:
        from scipy.sparse import eye_array
        from scipy.sparse.linalg import cg

        system = (eye_array(len(labels), dtype=np.float32) - alpha_for(labels) * matrix).tocsr()
        columns = np.eye(len(labels), 3, dtype=np.float32).T  # three of the hundred
        return [cg(system, column, rtol=1e-6) for column in columns]

    def label_spreading() -> object:
        from sklearn.semi_supervised import LabelSpreading

        weights = affinity(graph, k=NEIGHBORS, gamma=GAMMA)
        model = LabelSpreading(kernel=lambda *_: weights, alpha=alpha_for(labels), max_iter=70, tol=1e-6)
        return model.fit(np.zeros((len(labels), 1)), labels)

    rows = np.flatnonzero(labels >= 0)
    seeds = rows, labels[rows], np.ones(len(rows), np.float32)
    print("| full solve, 100 classes | seconds | memory on top, times the result's |")
    print("|---|---|---|")
    whole: dict[str, tuple[Callable[[], object], float]] = {
        "curator, probabilities with calibration": (lambda: propagate(graph, labels), 1),
        "curator, linear part": (ours, 1),
        "scipy cg, column by column": (scipy_cg, MANY_CLASSES / 3),
        "LabelSpreading, 70 rounds": (label_spreading, 1),
    }
    for name, (solve, times) in whole.items():
        seconds, memory = timed(solve)
        print(f"| {name} | {times * seconds:.0f} | {memory / result:.1f} |", flush=True)


def timed(solve: Callable[[], object]) -> tuple[float, float]:
    """Seconds that it takes, and bytes of memory at most on top of what was there."""
    Path("/proc/self/clear_refs").write_text("5")  # peak_memory() counts from here
    before, start = peak_memory(), time.perf_counter()
    solve()
    return time.perf_counter() - start, (peak_memory() - before) * 2**20


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="+", choices=["updates", "solve"])
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    rows = manifold(options.rows)
    graph = knn_graph(rows, K, recall=0.95)
    few, many = parts_of(rows, CLASSES), parts_of(rows, MANY_CLASSES)
    del rows
    if "updates" in options.tables:
        updates(graph, few)
    if "solve" in options.tables:
        solves(graph, many)


if __name__ == "__main__":
    main()
