"""Propagation: accuracy and calibration from a few labels, by curator and by the methods it rests on.

python -m benchmarks.propagation --reference reference-embeddings.npz

On real embeddings (an .npz with train and train_labels) and on scikit-learn's digits. Labels are drawn at
random, as many of each class, or picked by curator.query; accuracy is that on all other images, as mean and
standard error over the seeds. "knn" votes with all labels but the image's own: what the embeddings are worth.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

from curator import SoftLabels, propagate, query
from curator.neighbors import leave_one_out_accuracy, weighted_vote
from curator.propagation.clamped import propagate_clamped
from curator.propagation.diffusion import Diffusion
from curator_indexes import KnnGraph, affinity, conjugate_gradients, knn_graph

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

BUDGETS, BINS = (10, 50, 500), 15


@dataclass(frozen=True)
class Data:
    """Unit rows [n, d], their true classes [n] and the graph."""

    name: str
    rows: Floats
    classes: Ids
    graph: KnnGraph

    @property
    def n_classes(self) -> int:
        """How many classes."""
        return int(self.classes.max()) + 1


Method = Callable[[Data, Ids], Floats]


def clamped(data: Data, labels: Ids) -> Floats:
    """The paper's form."""
    return propagate_clamped(data.graph, labels, n_classes=data.n_classes)


def vote(data: Data, labels: Ids) -> Floats:
    """Votes of the nearest labelled neighbours."""
    return weighted_vote(data.graph, labels, data.n_classes)


def zhou(data: Data, labels: Ids) -> Floats:
    """Zhou et al., NIPS 2003, alpha .99, each class's labels weighing the same (Iscen et al., CVPR 2019)."""
    diffusion = Diffusion(data.graph, k=20, gamma=3.0, alpha=0.99)
    rows = np.flatnonzero(labels >= 0)
    weights = (1 / np.bincount(labels[rows], minlength=data.n_classes)[labels[rows]]).astype(np.float32)
    return diffusion.spread(rows, labels[rows], weights, data.n_classes)


def poisson(data: Data, labels: Ids) -> Floats:
    """Calder et al., ICML 2020: L u = sum of (y_i - mean y) at the labels; by the book, k = 10."""
    weights = affinity(data.graph, k=10, kernel="local_scale", symmetrize="mean")
    degree = np.maximum(np.asarray(weights.sum(axis=1)).ravel(), 1e-12)
    root = (1 / np.sqrt(degree)).astype(np.float32)
    weights.data *= root[np.repeat(np.arange(len(root)), np.diff(weights.indptr))] * root[weights.indices]
    rows = np.flatnonzero(labels >= 0)
    given = np.eye(data.n_classes, dtype=np.float32)[labels[rows]]
    source = np.zeros((len(labels), data.n_classes), np.float32)
    source[rows] = given - given.mean(axis=0)
    return root[:, None] * conjugate_gradients(weights, root[:, None] * source, 1 - 1e-5)


def soft(data: Data, labels: Ids, *, embeddings: bool) -> SoftLabels:
    """`curator.propagate`."""
    rows = data.rows if embeddings else None
    return propagate(data.graph, labels, embeddings=rows, n_classes=data.n_classes)


METHODS: dict[str, Method] = {
    "paper's form (clamped)": clamped,
    "nearest labelled (knn)": vote,
    "Zhou, balanced": zhou,
    "Poisson": poisson,
}


def picks(data: Data, budget: int, seeds: int) -> Iterator[tuple[str, Ids]]:
    """Ways to choose which images are labelled."""
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        each = budget // data.n_classes
        members = [np.flatnonzero(data.classes == label) for label in range(data.n_classes)]
        yield "random", np.concatenate([rng.choice(rows, each, replace=False) for rows in members])
    none = np.full(len(data.classes), -1)
    for strategy, turns in (("herding", 1), ("typicality", min(seeds, 3))):
        for seed in range(turns):
            ranking = query(data.graph, none, budget, strategy=strategy, embeddings=data.rows, seed=seed)
            yield strategy, ranking.ids


def calibration_error(confidence: Floats, right: npt.NDArray[np.bool_]) -> float:
    """Expected calibration error, 15 bins (Guo et al., ICML 2017, eq. 3)."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    full = [bins == number for number in range(BINS) if (bins == number).any()]
    return float(sum(part.mean() * abs(confidence[part].mean() - right[part].mean()) for part in full))


def compare(data: Data, seeds: int) -> None:
    """Print the tables of one data set."""
    ceiling = leave_one_out_accuracy(data.rows, data.classes, max_rows=len(data.classes))
    print(f"\n### {data.name}: {len(data.classes):,} images, knn with all labels {ceiling:.1%}\n")
    results: dict[str, dict[str, list[float]]] = {}
    errors: dict[str, dict[str, list[float]]] = {}
    for budget in BUDGETS:
        for chosen, ids in picks(data, budget, seeds):
            labels = np.full(len(data.classes), -1)
            labels[ids] = data.classes[ids]
            rest, column = labels < 0, f"{budget} {chosen}"
            for name, method in METHODS.items():
                right = method(data, labels).argmax(axis=1) == data.classes
                results.setdefault(name, {}).setdefault(column, []).append(right[rest].mean())
            for name, embeddings in (("curator, graph alone", False), ("curator", True)):
                found = soft(data, labels, embeddings=embeddings)
                right = (found.predictions == data.classes)[rest]
                results.setdefault(name, {}).setdefault(column, []).append(right.mean())
                error = calibration_error(found.confidence[rest], right)
                errors.setdefault(name, {}).setdefault(column, []).append(error)
    print_table("accuracy, %", results, 100)
    print_table("calibration error", errors, 1)


def print_table(title: str, results: dict[str, dict[str, list[float]]], scale: float) -> None:
    """One line a method, one column a choice of labels."""
    columns = list(next(iter(results.values())))
    print(f"| {title} | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 1))
    digits = 1 if scale > 1 else 3
    for name, row in results.items():
        cells = []
        for column in columns:
            values = np.array(row[column]) * scale
            spread = f" ± {values.std(ddof=1) / len(values) ** 0.5:.{digits}f}" if len(values) > 1 else ""
            cells.append(f"{values.mean():.{digits}f}{spread}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    print()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reference", type=Path, help="an .npz with train and train_labels")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    pixels, classes = load_digits(return_X_y=True)
    sets = [("Digits", pixels - pixels.mean(axis=0), classes)]
    if options.reference:
        with np.load(options.reference) as arrays:
            sets.append((options.reference.stem, arrays["train"], arrays["train_labels"]))
    for name, rows, truth in sets:
        unit = rows.astype(np.float32)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        compare(Data(name, unit, truth.astype(np.int64), knn_graph(unit, 50)), options.seeds)


if __name__ == "__main__":
    main()
