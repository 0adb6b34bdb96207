"""Label audits: curator beside cleanlab, Datalab and SimiFeat, on human and made label noise.

python -m benchmarks.audit detection --reference reference-embeddings.npz --human cifar10n.npz

detection: AUROC, average precision, F1 at each method's own threshold, estimated share of wrong labels.

The reference embeddings hold `train` and `train_labels`, the human labels `true`, `aggre` and `random1` of
the same rows (CIFAR-10N, Wei et al. 2022). Without files: scikit-learn's digits, made noise only.
True labels are used to count, never to choose.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

import curator
from benchmarks.label_noise import MADE, Labels, Rows
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
    parser.add_argument("tables", nargs="+", choices=["detection"])
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--human", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--every", type=int, default=1, help="use every n-th row only")
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=list(METHODS))
    options = parser.parse_args()
    data = opened(options.reference, options.human, options.every)
    if "detection" in options.tables:
        print_detection(data, options.seeds, options.methods)


if __name__ == "__main__":
    main()
