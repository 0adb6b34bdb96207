"""The whole job on CIFAR-10, through the command line: encoder, propagation from 50 labels, audit.

    python -m benchmarks.cifar10 --data FOLDER

FOLDER holds `cifar10.zip` (`cifar10/{train,test}/<class>/<nnnn>.webp`) and `cifar10n.npz` (`true`, `aggre`,
`random1`: labels of the training images in path order; CIFAR-10N, Wei et al. 2022). Prints the tables of
docs/benchmarks.md.
"""

import argparse
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from sklearn.model_selection import cross_val_predict

import curator
from curator.jobs.state import load_state
from curator.neighbors import knn_accuracy
from curator.store import Workspace
from curator_indexes import KnnGraph

Labels = npt.NDArray[np.int64]
Rows = npt.NDArray[np.floating]
BUDGET, SEEDS, CLASSES = 50, 5, 10


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with cifar10.zip and cifar10n.npz")
    parser.add_argument(
        "--work", type=Path, default=Path("build/cifar10"), help="where images and workspaces go"
    )
    parser.add_argument("--encoder", default="bundled")
    options = parser.parse_args()
    images = unpack(options.data / "cifar10.zip", options.work)
    train = embedded(images / "train", options.work / "train", options.encoder)
    test = embedded(images / "test", options.work / "test", options.encoder)
    rows, truth = arrays(train)
    test_rows, test_truth = arrays(test)
    print("\n## Encoder: weighted kNN (k=20), labels of the 50,000 training images\n")
    accuracy = knn_accuracy(rows, truth, test_rows, test_truth, k=20)
    print(f"| test accuracy |\n|---|\n| {accuracy:.2%} |")
    graph = load_state(train).graph
    print_propagation(graph, rows, truth)
    human = np.load(options.data / "cifar10n.npz")
    if not np.array_equal(human["true"], truth):
        sys.exit("cifar10n.npz is not in the order of the training images")
    print_audits(graph, rows, truth, {name: human[name].astype(np.int64) for name in ("aggre", "random1")})


def unpack(archive: Path, work: Path) -> Path:
    """Unpack the images once."""
    folder = work / "cifar10"
    if not folder.exists():
        print(f"unpacking {archive}", flush=True)
        with zipfile.ZipFile(archive) as file:
            file.extractall(work)
    return folder


def embedded(images: Path, workspace: Path, encoder: str) -> Workspace:
    """Embed a folder as a user would, and say at what rate."""
    command = [sys.executable, "-m", "curator_cli", "embed", str(images), "--labels-from-folders"]
    started = time.perf_counter()
    subprocess.run([*command, "--encoder", encoder, "-w", str(workspace)], check=True)
    seconds = time.perf_counter() - started
    opened = Workspace.open(workspace)
    count = opened.catalog.counts()["ready"]
    print(f"{count:,} images, index and graph in {seconds:.0f} s: {count / seconds:.0f} images/s", flush=True)
    return opened


def arrays(workspace: Workspace) -> tuple[Rows, Labels]:
    """Embeddings and true labels, in path order."""
    state = load_state(workspace)
    return state.embeddings, state.labels


def print_propagation(graph: KnnGraph, rows: Rows, truth: Labels) -> None:
    """Accuracy on the unlabelled rest, from labels that a strategy chose and from random ones."""
    print(f"\n## Propagation from {BUDGET} labels, accuracy on the other images, {SEEDS} seeds\n")
    print("| labels chosen by | mean | standard deviation | classes found |\n|---|---|---|---|")
    for strategy in ("auto", "typicality", "random"):
        results = np.array(list(propagation_runs(graph, rows, truth, strategy)))
        accuracy, found = results[:, 0], results[:, 1]
        print(
            f"| {strategy} | {accuracy.mean():.2%} | {accuracy.std(ddof=1):.2%} | {found.mean():.1f} |",
            flush=True,
        )


def propagation_runs(
    graph: KnnGraph, rows: Rows, truth: Labels, strategy: str
) -> Iterator[tuple[float, int]]:
    """Accuracy and number of classes among the labels, for each seed."""
    for seed in range(SEEDS):
        labels = np.full(len(truth), -1)
        ranking = curator.query(graph, labels, BUDGET, strategy=strategy, embeddings=rows, seed=seed)
        labels[ranking.ids] = truth[ranking.ids]
        soft = curator.propagate(graph, labels, n_classes=CLASSES)
        rest = labels < 0
        yield float(np.mean(soft.predictions[rest] == truth[rest])), len(np.unique(labels[~rest]))


def print_audits(graph: KnnGraph, rows: Rows, truth: Labels, noises: dict[str, Labels]) -> None:
    """How well wrong human labels are found, beside cleanlab on the same embeddings."""
    print("\n## Audit of human labels (CIFAR-10N)\n")
    print("| labels | wrong | method | AUROC | average precision | F1 | estimated wrong | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    methods: dict[str, Callable[[KnnGraph, Rows, Labels], tuple[Rows, npt.NDArray[np.bool_], str]]] = {
        "curator": by_curator,
        "cleanlab": by_cleanlab,
    }
    for name, given in noises.items():
        wrong = given != truth
        for method, run in methods.items():
            started = time.perf_counter()
            doubt, flagged, count = run(graph, rows, given)
            seconds = time.perf_counter() - started
            ranked = f"{roc_auc_score(wrong, doubt):.3f} | {average_precision_score(wrong, doubt):.3f}"
            f1 = f1_score(wrong, flagged)
            share = f"{wrong.mean():.1%}"
            print(
                f"| {name} | {share} | {method} | {ranked} | {f1:.3f} | {count} | {seconds:.0f} |", flush=True
            )


def by_curator(graph: KnnGraph, rows: Rows, given: Labels) -> tuple[Rows, npt.NDArray[np.bool_], str]:
    """Error probability, flags, estimated share of wrong labels with its interval."""
    report = curator.audit(graph, given, embeddings=rows, n_classes=CLASSES)
    shares = [value / len(given) for value in report.error_count]
    return report.error_probability, report.issues, "{:.1%} ({:.1%} to {:.1%})".format(*shares)


def by_cleanlab(_graph: KnnGraph, rows: Rows, given: Labels) -> tuple[Rows, npt.NDArray[np.bool_], str]:
    """One minus self-confidence, and `find_label_issues`, from a 5-fold logistic regression."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_self_confidence_for_each_label

    head = LogisticRegression(max_iter=300)
    probabilities = cross_val_predict(head, np.asarray(rows, np.float32), given, cv=5, method="predict_proba")
    flagged = find_label_issues(given, probabilities)
    doubt = 1 - get_self_confidence_for_each_label(given, probabilities)
    return doubt, flagged, f"{flagged.mean():.1%}"


if __name__ == "__main__":
    main()
