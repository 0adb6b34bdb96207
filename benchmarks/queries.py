"""Query strategies: accuracy after 10 to 5,000 chosen labels, balanced and not, and time at 1,000,000 rows.

    python -m benchmarks.queries balanced imbalanced scale --reference reference-embeddings.npz

Labels are chosen in rounds, each from the propagation of those before, out of a pool; accuracy is that on
rows which are in the graph but never offered: the test split, or with --tune a fifth of the training split,
which is what parameters were chosen on. Every seed draws its own pool, so that strategies without any chance
in them have a standard error, too. Strategies that need labels are given the first 10 by herding.
"""

import argparse
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import curator
from curator.planning.simulation import replay, revealed
from curator.queries import STRATEGIES
from curator_indexes import KnnGraph

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
K, POOL_SHARE, RATIO = 50, 0.8, 100
ROUNDS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
SHOWN = (10, 20, 50, 100, 500, 5000)


@dataclass(frozen=True)
class Case:
    """Embeddings float32 [n, d], classes int64 [n], and which rows are evaluated and never offered."""

    name: str
    rows: Floats
    classes: Ids
    held_out: npt.NDArray[np.bool_]

    def drawn(self, seed: int, ratio: float = 1.0) -> "Case":
        """All rows held out, and a share of the others that falls from class to class down to 1 / ratio."""
        rng = np.random.default_rng(seed)
        count = int(self.classes.max()) + 1
        keep = POOL_SHARE * ratio ** -(rng.permutation(count) / (count - 1))
        # Systematic sampling: exactly the share, whatever the seed.
        order = np.lexsort((rng.random(len(self.classes)), self.classes, self.held_out))
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        share = keep[self.classes]
        chosen = np.floor((place + 1) * share) > np.floor(place * share)
        rows = np.flatnonzero(self.held_out | chosen)
        return Case(self.name, self.rows[rows], self.classes[rows], self.held_out[rows])


@dataclass(frozen=True)
class Curve:
    """Accuracies by budget and learner, and after how many labels every class was seen."""

    accuracy: dict[tuple[int, str], float]
    complete: int


def cases(reference: Path | None, limit: int | None, *, tune: bool) -> Iterable[Case]:
    """Handwritten digits, and embeddings of CIFAR-10 where there are any."""
    pixels, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(digits))
    rows, classes = (pixels - pixels.mean(axis=0)).astype(np.float32)[order], digits.astype(np.int64)[order]
    yield split("digits", rows[:1297], classes[:1297], rows[1297:], classes[1297:], tune=tune)
    if reference is None:
        return
    with np.load(reference) as arrays:
        names = ("train", "train_labels", "test", "test_labels")
        train, labels, test, truth = (arrays[name] for name in names)
    order = np.random.default_rng(0).permutation(len(train))[:limit]
    yield split("reference", train[order], labels[order], test, truth, tune=tune)


def split(name: str, train: Floats, labels: Ids, test: Floats, truth: Ids, *, tune: bool) -> Case:
    """The test rows held out, or to tune a fifth of the others in their stead."""
    if tune:
        count = len(train) // 5
        train, labels, test, truth = train[count:], labels[count:], train[:count], labels[:count]
    held_out = np.arange(len(train) + len(test)) >= len(train)
    rows, classes = np.concatenate([train, test]), np.concatenate([labels, truth])
    return Case(name, rows.astype(np.float32), classes.astype(np.int64), held_out)


def learned(case: Case, graph: KnnGraph, labels: Ids, *, balanced: bool) -> dict[str, float]:
    """Accuracy on the held-out rows, of propagation and of logistic regression."""
    count, known = int(case.classes.max()) + 1, labels >= 0
    unit = case.rows / np.maximum(np.linalg.norm(case.rows, axis=1, keepdims=True), 1e-12)
    soft = curator.propagate(graph, labels, embeddings=case.rows, n_classes=count)
    guesses = {"propagation": soft.predictions[case.held_out]}
    if len(np.unique(labels[known])) > 1:
        head = LogisticRegression(C=2.0, max_iter=200).fit(unit[known], labels[known])
        guesses["linear head"] = head.predict(unit[case.held_out])
    truth = case.classes[case.held_out]
    weights = 1 / np.bincount(truth)[truth] if balanced else np.ones(len(truth))
    return {name: float(np.average(guess == truth, weights=weights)) for name, guess in guesses.items()}


def curve(case: Case, graph: KnnGraph, strategy: str, seed: int, *, balanced: bool = False) -> Curve:
    """Label in rounds, and measure at the budgets shown."""
    pool, count = np.flatnonzero(~case.held_out), int(case.classes.max()) + 1
    stops = [stop for stop in ROUNDS if stop <= len(pool)]
    rounds = replay(
        graph,
        case.classes,
        pool,
        stops,
        strategy=strategy,
        embeddings=case.rows,
        n_classes=count,
        seed=seed,
    )
    order = np.empty(0, np.int64)
    accuracy: dict[tuple[int, str], float] = {}
    for stop, order in zip(stops, rounds, strict=True):
        if stop in SHOWN:
            found = learned(case, graph, revealed(case.classes, order), balanced=balanced)
            accuracy |= {(stop, learner): value for learner, value in found.items()}
    firsts = np.unique(case.classes[order], return_index=True)[1]
    return Curve(accuracy, int(firsts.max()) + 1 if len(firsts) == count else len(order))


def compare(case: Case, strategies: list[str], seeds: int, ratio: float) -> None:
    """Print one table: mean and standard error over seeds, of the learner that random labels teach more."""
    curves: dict[str, list[Curve]] = {name: [] for name in strategies}
    for seed in range(seeds):
        drawn = case.drawn(seed, ratio)
        graph = curator.knn_graph(drawn.rows, K)
        for name in strategies:
            curves[name].append(curve(drawn, graph, name, seed, balanced=ratio > 1))
    columns = columns_of(curves["random"])
    pool = int((~drawn.held_out).sum())
    kind = f"classes from 1 to 1/{ratio:g}, balanced accuracy" if ratio > 1 else "balanced"
    print(f"\n### {case.name}: a pool of {pool:,}, {kind}, {seeds} seeds\n")
    heads = [f"{stop:,}, {learner}" for stop, learner in columns]
    print(f"| labels chosen by | {' | '.join(heads)} | labels until every class was seen |")
    print("|---" * (len(heads) + 2) + "|")
    for name in strategies:
        cells = [percent([each.accuracy[column] for each in curves[name]]) for column in columns]
        complete = np.array([each.complete for each in curves[name]])
        seen = f"{complete.mean():.0f} ± {error(complete):.0f}"
        print(f"| {name} | {' | '.join(cells)} | {seen} |", flush=True)
    if "auto" in strategies:
        print_shortfall(curves, columns)


def columns_of(curves: list[Curve]) -> list[tuple[int, str]]:
    """For each budget the better learner."""
    means = {key: np.mean([each.accuracy[key] for each in curves]) for key in curves[0].accuracy}
    stops = sorted({stop for stop, _ in means})
    return [max((key for key in means if key[0] == stop), key=lambda key: means[key]) for stop in stops]


def print_shortfall(curves: dict[str, list[Curve]], columns: list[tuple[int, str]]) -> None:
    """By how much the best single strategy beats auto, and which it is."""
    cells = []
    for column in columns:
        means = {name: np.mean([each.accuracy[column] for each in runs]) for name, runs in curves.items()}
        auto = means.pop("auto")
        best = max(means, key=lambda name: means[name])
        cells.append(f"{(means[best] - auto) * 100:+.1f} ({best})")
    print(f"| *best single, less auto* | {' | '.join(cells)} | |", flush=True)


def percent(values: list[float]) -> str:
    """Mean and standard error."""
    return f"{np.mean(values):.1%} ± {error(np.array(values)) * 100:.1f}"


def error(values: npt.NDArray[np.floating] | Ids) -> float:
    """Standard error of the mean."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def scale(strategies: list[str], n: int, budget: int) -> None:
    """Seconds of one query, by the clock and of all cores together, from 1,000 labels of 10 classes."""
    rows, classes, graph = clustered(n)
    labels = np.full(n, -1)
    labels[:1000] = classes[:1000]
    print(f"\n### {n:,} x {rows.shape[1]}, k = {graph.k}, budget {budget:,}, 1,000 labels\n")
    print("| strategy | seconds | processor seconds |\n|---|---|---|")
    for name in strategies:
        started, used = time.perf_counter(), time.process_time()
        picks = curator.query(graph, labels, budget, strategy=name, embeddings=rows)
        seconds, spent = time.perf_counter() - started, time.process_time() - used
        print(f"| {name} | {seconds:.1f} | {spent:.1f} |", flush=True)
        assert len(np.unique(picks.ids)) == budget


def clustered(n: int, size: int = 200, k: int = 20) -> tuple[Floats, Ids, KnnGraph]:
    """Rows around centres that are around 10 classes; neighbours are random rows of the same centre."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 10, n // size)
    centers = rng.normal(size=(10, 64))[classes] + rng.normal(size=(n // size, 64))
    owner = rng.permutation(np.arange(n) % (n // size))
    rows = centers.astype(np.float32)[owner] + rng.standard_normal((n, 64), np.float32) * np.float32(0.5)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    members = np.argsort(owner, kind="stable").reshape(-1, size)  # [clusters, size]
    place = np.empty(n, np.int64)
    place[members.ravel()] = np.tile(np.arange(size), n // size)
    steps = np.sort(rng.permuted(np.tile(np.arange(1, size), (n // size, 1)), axis=1)[:, :k], axis=1)
    near = members[owner[:, None], (place[:, None] + steps[owner]) % size]  # [n, k]
    similar = np.empty((n, k), np.float32)
    for low in range(0, n, 50_000):
        part = slice(low, low + 50_000)
        similar[part] = np.einsum("id,ikd->ik", rows[part], rows[near[part]])
    order = np.argsort(-similar, axis=1, kind="stable")
    sorted_near = np.take_along_axis(near, order, axis=1).astype(np.int32)
    return rows, classes[owner], KnnGraph(sorted_near, np.take_along_axis(similar, order, axis=1))


def main() -> None:
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="+", choices=["balanced", "imbalanced", "scale"])
    parser.add_argument("--reference", type=Path, help="an .npz with real embeddings: train, test, labels")
    parser.add_argument("--limit", type=int, help="use so many training rows at most")
    parser.add_argument(
        "--tune", action="store_true", help="hold out training rows instead of the test split"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the table of times")
    names = ["auto", *STRATEGIES]
    parser.add_argument("--strategies", nargs="*", default=names, choices=names, metavar="STRATEGY")
    options = parser.parse_args()
    options.strategies = list(dict.fromkeys([*options.strategies, "random"]))  # the yardstick
    for table, ratio in (("balanced", 1.0), ("imbalanced", float(RATIO))):
        if table in options.tables:
            for case in cases(options.reference, options.limit, tune=options.tune):
                compare(case, options.strategies, options.seeds, ratio)
    if "scale" in options.tables:
        scale(options.strategies, options.rows, 1000)


if __name__ == "__main__":
    main()
