"""The pictures in docs/images: learning curves, and how honest the probabilities are.

python -m benchmarks.figures docs/images --reference reference-embeddings.npz

Without --reference, those of scikit-learn's digits only.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

import curator
from benchmarks.label_noise import symmetric
from curator.pictures.plots import plot_reliability, plot_simulation
from curator.planning.simulation import simulate

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
K = 50
STRATEGIES = ("auto", "typicality", "herding", "margin", "random")
BUDGETS = (10, 20, 50, 100, 200, 500)
WRONG = 0.2


def draw(name: str, rows: Floats, truth: Ids, folder: Path) -> None:
    """The three pictures of one data set."""
    graph = curator.knn_graph(rows, K)
    curves = simulate(graph, truth, strategies=STRATEGIES, budgets=BUDGETS, seeds=3, embeddings=rows)
    plot_simulation(curves, folder / f"learning-curves-{name}.png")
    stated, right = {}, {}
    for count in (10, 50, 500):
        labels = np.full(len(truth), -1)
        chosen = np.random.default_rng(count).permutation(len(truth))[:count]
        labels[chosen] = truth[chosen]
        soft = curator.propagate(graph, labels, embeddings=rows, n_classes=int(truth.max()) + 1)
        rest = labels < 0
        stated[f"{count} labels"] = soft.confidence[rest].astype(np.float64)
        right[f"{count} labels"] = soft.predictions[rest] == truth[rest]
    plot_reliability(stated, right, folder / f"calibration-propagation-{name}.png", what="prediction right")
    given = symmetric(truth, rows, WRONG, np.random.default_rng(0))
    report = curator.audit(graph, given, embeddings=rows)
    share = f"{100 * WRONG:.0f} % wrong"
    plot_reliability(
        {share: report.error_probability},
        {share: given != truth},
        folder / f"calibration-audit-{name}.png",
        what="label wrong",
    )


def main() -> None:
    """Draw all pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reference", type=Path, help="an .npz with train and train_labels")
    options = parser.parse_args()
    pixels, classes = load_digits(return_X_y=True)
    draw(
        "digits", (pixels - pixels.mean(axis=0)).astype(np.float32), classes.astype(np.int64), options.folder
    )
    if options.reference:
        with np.load(options.reference) as arrays:
            rows, classes = arrays["train"][::5].astype(np.float32), arrays["train_labels"][::5]
        draw("cifar10", rows, classes.astype(np.int64), options.folder)


if __name__ == "__main__":
    main()
