"""Label audits: curator beside cleanlab, Datalab and SimiFeat, on human and made label noise.

python -m benchmarks.audit detection samples bursts --reference reference-embeddings.npz --human cifar10n.npz

detection: AUROC, average precision, F1 at each method's own threshold, estimated share of wrong labels.
samples: verdicts on 300 labels, simulated 300 times: how often the interval holds the true number, how wide
it is, calibration, and how often lists of --min-precision keep their promise on labels that nobody checked.
bursts: AUROC where each wrongly labelled image has near duplicates that share its label.

The reference embeddings hold `train` and `train_labels`, the human labels `true`, `aggre` and `random1` of
the same rows (CIFAR-10N, Wei et al. 2022). Without files: scikit-learn's digits, made noise only.
True labels are used to count, never to choose.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

import curator
from benchmarks.label_noise import MADE, Labels, Rows, symmetric
from curator.audits import AuditReport, estimate_errors
from curator.audits._recalibration import best_threshold, recalibrated, rows_at_precision
from curator_indexes import KnnGraph

Flags = npt.NDArray[np.bool_]
K = 50
FEW = 10  # neighbours that Datalab and SimiFeat ask


@dataclass(frozen=True)
class Data:
    """Embeddings [n, d], their graph, true classes [n], and human labels by name."""

    rows: Rows
    graph: KnnGraph
    truth: Labels
    human: dict[str, Labels]


@dataclass(frozen=True)
class Found:
    """A method's doubt of each label [n], the labels it flags, its estimate of wrong labels, an interval."""

    doubt: npt.NDArray[np.float64]
    flagged: Flags
    count: float
    interval: tuple[float, float] | None = None


def by_curator(data: Data, given: Labels) -> Found:
    """`curator.audit`."""
    report = curator.audit(data.graph, given, embeddings=data.rows)
    estimate, *interval = report.error_count
    return Found(report.error_probability, report.issues, estimate, (interval[0], interval[1]))


def by_cleanlab(data: Data, given: Labels) -> Found:
    """Self-confidence and `find_label_issues`, from a 5-fold logistic regression.

    The folds are shuffled. CIFAR-10's rows stand in the order of their true classes, and folds cut along that
    order hold the errors of a kind together, out of the training rows: the truth would leak (AP .78 for .72).
    """
    head, folds = LogisticRegression(max_iter=300), StratifiedKFold(5, shuffle=True, random_state=0)
    return _confident_learning(
        given, cross_val_predict(head, data.rows, given, cv=folds, method="predict_proba")
    )


def by_datalab(data: Data, given: Labels) -> Found:
    """The same from the shares of the 10 nearest neighbours, as Datalab does where it is given features."""
    return _confident_learning(given, _shares(data, given))


def _confident_learning(given: Labels, probabilities: npt.NDArray[np.float64]) -> Found:
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_self_confidence_for_each_label

    flagged = find_label_issues(given, probabilities)
    return Found(1 - get_self_confidence_for_each_label(given, probabilities), flagged, float(flagged.sum()))


def by_simifeat(data: Data, given: Labels) -> Found:
    """SimiFeat-V (Zhu et al. 2022): the vote of the 10 nearest; embeddings are fixed, so no augmentations."""
    shares = _shares(data, given)
    flagged = shares.argmax(axis=1) != given
    return Found(1 - shares[np.arange(len(given)), given], flagged, float(flagged.sum()))


def _shares(data: Data, given: Labels) -> npt.NDArray[np.float64]:
    near = given[data.graph.neighbors[:, :FEW]]
    return np.stack([(near == label).mean(axis=1) for label in range(given.max() + 1)], axis=1)


METHODS: dict[str, Callable[[Data, Labels], Found]] = {
    "curator": by_curator,
    "cleanlab": by_cleanlab,
    "Datalab, kNN": by_datalab,
    "SimiFeat-V": by_simifeat,
}


def noises(data: Data, seeds: int) -> Iterator[tuple[str, list[Labels]]]:
    """Name, and labels for each seed; people gave theirs once."""
    for name, labels in data.human.items():
        yield f"{name} (human)", [labels]
    for name, (make, share) in MADE.items():
        rngs = [np.random.default_rng([seed, 5]) for seed in range(seeds)]
        yield name, [make(data.truth, data.rows, share, rng) for rng in rngs]


def print_detection(data: Data, seeds: int, methods: list[str]) -> None:
    """How well wrong labels are found: means over seeds, with standard errors."""
    print("\n### Wrong labels found\n")
    print("| noise | wrong | method | AUROC | average precision | F1 | estimated wrong | interval holds |")
    print("|---|---|---|---|---|---|---|---|")
    for name, trials in noises(data, seeds):
        share = np.mean([(given != data.truth).mean() for given in trials])
        for method in methods:
            results = [measured(METHODS[method](data, given), given != data.truth) for given in trials]
            cells = [shown([figures[i] for figures, _ in results]) for i in range(3)]
            count = f"{np.mean([figures[3] for figures, _ in results]) / len(data.truth):.1%}"
            print(
                f"| {name} | {share:.1%} | {method} | {' | '.join(cells)} | {count} | {results[0][1]} |",
                flush=True,
            )


def print_samples(data: Data, trials: int = 300, budget: int = 300) -> None:
    """What people's verdicts on a sample make of the figures."""
    print(f"\n### {budget} labels checked, {trials} trials\n")
    print("| noise | wrong | interval holds | width | calibration error, before and after |", end="")
    print(" F1 | F1 with verdicts | rows listed at 0.9 | promise kept | at 0.8 | promise kept |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name, labels in noises(data, 1):
        report, wrong = curator.audit(data.graph, labels[0], embeddings=data.rows), labels[0] != data.truth
        rounds = [checked(report, wrong, budget, seed) for seed in range(trials)]
        held, width, error, f1, long, kept, longer, also = (
            float(np.mean(values)) for values in zip(*rounds, strict=True)
        )
        before, found = calibration_error(report.error_probability, wrong), f1_score(wrong, report.issues)
        print(
            f"| {name} | {wrong.mean():.1%} | {held:.1%} | {100 * width:.1f} points "
            f"| {before:.3f}, {error:.3f} | {found:.3f} | {f1:.3f} "
            f"| {long:,.0f} | {kept:.0%} | {longer:,.0f} | {also:.0%} |",
            flush=True,
        )


def checked(report: AuditReport, wrong: Flags, budget: int, seed: int) -> tuple[float, ...]:
    """One trial: a sample, its verdicts, and what comes of them for the labels that were not drawn."""
    sample = report.sample(budget, seed=seed)
    sample = replace(sample, wrong=wrong[sample.rows].astype(float))
    _, low, high = estimate_errors([sample])
    rest = np.ones(len(wrong), bool)
    rest[sample.rows] = False
    after = recalibrated(report.error_probability, [sample])
    figures = [float(low <= wrong.sum() <= high), (high - low) / len(wrong)]
    figures.append(calibration_error(after[rest], wrong[rest]))
    figures.append(f1_score(wrong[rest], after[rest] >= best_threshold(after)))
    ranked = wrong[rest][np.argsort(-after[rest], kind="stable")]
    for precision in (0.9, 0.8):
        length = rows_at_precision(after[rest], precision, [sample])
        figures += [length, float(not length or ranked[:length].mean() >= precision)]
    return tuple(figures)


def calibration_error(probability: npt.NDArray[np.float64], wrong: Flags) -> float:
    """Expected calibration error over ten bins."""
    bins = np.minimum((probability * 10).astype(int), 9)
    return float(sum(abs((probability - wrong)[bins == i].sum()) for i in range(10)) / len(wrong))


def print_bursts(data: Data, seeds: int) -> None:
    """5 % of the labels wrong, each wrong image joined by near duplicates of cosine .98 to .999."""
    print("\n### Bursts that share a wrong label: AUROC\n")
    print("| images in a burst | curator | SimiFeat-V |\n|---|---|---|")
    for copies in (1, 2, 6, 11, 24):
        results = [burst_aurocs(data, copies, np.random.default_rng([seed, copies])) for seed in range(seeds)]
        print(
            f"| {copies} | " + " | ".join(shown(list(values)) for values in zip(*results, strict=True)) + " |"
        )


def burst_aurocs(data: Data, copies: int, rng: np.random.Generator) -> tuple[float, float]:
    """AUROC of curator and of the plain vote."""
    given = symmetric(data.truth, data.rows, 0.05, rng)
    source = np.repeat(np.flatnonzero(given != data.truth), copies - 1)
    across = rng.normal(size=(len(source), data.rows.shape[1]))
    across -= (across * data.rows[source]).sum(axis=1, keepdims=True) * data.rows[source]
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    cosine = rng.uniform(0.98, 0.999, (len(source), 1))
    near = cosine * data.rows[source] + np.sqrt(1 - cosine**2) * across
    rows = np.vstack([data.rows, near.astype(np.float32)])
    truth, labels = (np.concatenate([values, values[source]]) for values in (data.truth, given))
    more = Data(rows, curator.knn_graph(rows, K), truth, {})
    doubts = by_curator(more, labels).doubt, by_simifeat(more, labels).doubt
    return roc_auc_score(labels != truth, doubts[0]), roc_auc_score(labels != truth, doubts[1])


def measured(found: Found, wrong: Flags) -> tuple[list[float], str]:
    """AUROC, average precision, F1, count, and whether the interval holds the true number."""
    holds = "none given"
    if found.interval is not None:
        low, high = found.interval
        width = f"{low / len(wrong):.1%} to {high / len(wrong):.1%}"
        holds = f"{'yes' if low <= wrong.sum() <= high else 'no'} ({width})"
    auroc, precision = roc_auc_score(wrong, found.doubt), average_precision_score(wrong, found.doubt)
    return [auroc, precision, f1_score(wrong, found.flagged), found.count], holds


def shown(values: list[float]) -> str:
    """Mean and, of several, its standard error."""
    error = f" ± {np.std(values, ddof=1) / np.sqrt(len(values)):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{error}"


def opened(reference: Path | None, human: Path | None, every: int) -> Data:
    """The data named on the command line; every n-th row of it."""
    if reference is None:
        pixels, classes = load_digits(return_X_y=True)
        rows, truth = pixels - pixels.mean(axis=0), classes
    else:
        stored = np.load(reference)
        rows, truth = stored["train"], stored["train_labels"]
    rows, truth = np.asarray(rows[::every], np.float32), np.asarray(truth[::every], np.int64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    people = {} if human is None else np.load(human)
    labels = {name: people[name][::every].astype(np.int64) for name in ("aggre", "random1") if human}
    return Data(rows, curator.knn_graph(rows, K), truth, labels)


def main() -> None:
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="+", choices=["detection", "samples", "bursts"])
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--human", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--every", type=int, default=1, help="use every n-th row only")
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=list(METHODS))
    options = parser.parse_args()
    data = opened(options.reference, options.human, options.every)
    if "detection" in options.tables:
        print_detection(data, options.seeds, options.methods)
    if "samples" in options.tables:
        print_samples(data)
    if "bursts" in options.tables:
        print_bursts(data, options.seeds)


if __name__ == "__main__":
    main()
