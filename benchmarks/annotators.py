"""Audits with several annotators: curator beside cleanlab's CROWDLAB, on simulated annotators.

python -m benchmarks.annotators --reference reference-embeddings.npz --every 10

Annotators of different quality each label a share of the images. The labels under audit are the majority's.
AUROC: of doubts about these labels. Accuracy: of the majority, and of the best labels after the audit.
Quality: rank correlation of estimated annotator quality with the true one.

Only in the last crew do annotators err on the same images, as people do: there nobody's word is independent.

The reference embeddings hold `train` and `train_labels`. Without a file: scikit-learn's digits.
True labels are used to simulate and to count, never to choose.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

import curator
from benchmarks.audit import Data, opened, shown
from benchmarks.label_noise import Labels, feature_dependent
from curator.annotators import consensus, fit_reliability, statements

Reals = npt.NDArray[np.float64]
Found = tuple[Reals, Labels, Reals | None]  # doubt [n], best labels [n], quality [annotators]

CREWS = {
    "3 annotators, 60 % seen": ((0.95, 0.8, 0.6), 0.6),
    "5 annotators, 40 % seen": ((0.95, 0.85, 0.75, 0.6, 0.4), 0.4),
    "10 annotators, 20 % seen": (tuple(np.linspace(0.95, 0.5, 10)), 0.2),
    "5 annotators, mistaking pairs": ((0.95, 0.85, 0.75, 0.6, 0.4), 0.4),
    "5 annotators, same hard images": ((0.95, 0.85, 0.75, 0.6, 0.4), 0.4),
}


def annotated(data: Data, crew: str, seed: int) -> Labels:
    """What a crew says, int [n, annotators]; every image is seen by somebody."""
    accuracies, share = CREWS[crew]
    rng = np.random.default_rng([seed, 7])
    said = np.stack([_labels(data, crew, accuracy, seed, rng) for accuracy in accuracies], axis=1)
    seen = rng.random(said.shape) < share
    seen[np.arange(len(said)), rng.integers(0, len(accuracies), len(said))] = True
    return np.where(seen, said, -1)


def _labels(data: Data, crew: str, accuracy: float, seed: int, rng: np.random.Generator) -> Labels:
    """What one annotator would say of every image, [n]."""
    truth, n_classes = data.truth, int(data.truth.max()) + 1
    if (
        "hard images" in crew
    ):  # who errs more errs on the same images and more, and alike: no independent word
        return feature_dependent(truth, data.rows, 1 - accuracy, np.random.default_rng(seed))
    step = 1 + rng.integers(n_classes - 1) if "pairs" in crew else rng.integers(1, n_classes, len(truth))
    return np.where(rng.random(len(truth)) < accuracy, truth, (truth + step) % n_classes)


def by_majority(data: Data, said: Labels, given: Labels) -> Found:
    """The share of an image's annotators who disagree with the label."""
    total = (said >= 0).sum(axis=1)
    return 1 - (said == given[:, None]).sum(axis=1) / total, given, None


def by_dawid_skene(data: Data, said: Labels, given: Labels) -> Found:
    """Annotators alone, without embeddings."""
    found = fit_reliability(statements(said))
    doubt = 1 - found.probabilities[np.arange(len(given)), given]
    return doubt, found.probabilities.argmax(axis=1), found.quality


def by_curator_without(data: Data, said: Labels, given: Labels) -> Found:
    """`curator.audit` of the majority's labels, annotators unknown."""
    report = curator.audit(data.graph, given, embeddings=data.rows)
    return report.error_probability, _mended(report, given), None


def by_curator(data: Data, said: Labels, given: Labels) -> Found:
    """`curator.audit` with annotations."""
    report = curator.audit(data.graph, given, embeddings=data.rows, annotations=said)
    return report.error_probability, _mended(report, given), report.annotator_quality


def _mended(report: curator.AuditReport, given: Labels) -> Labels:
    return np.where(report.error_probability > 0.5, report.suggested_labels, given)


def by_crowdlab(data: Data, said: Labels, given: Labels) -> Found:
    """CROWDLAB (Goh et al. 2022) with a cross-validated logistic regression taught by the majority."""
    import pandas as pd
    from cleanlab.multiannotator import get_label_quality_multiannotator

    head, folds = LogisticRegression(max_iter=300), StratifiedKFold(5, shuffle=True, random_state=0)
    predicted = cross_val_predict(head, data.rows, given, cv=folds, method="predict_proba")
    table = pd.DataFrame(np.where(said >= 0, said, np.nan))
    found = get_label_quality_multiannotator(table, predicted, verbose=False)
    of_each = found["detailed_label_quality"].to_numpy(float)  # of each annotator's label, [n, annotators]
    doubt = 1 - np.max(np.where(said == given[:, None], of_each, 0), axis=1)
    best = found["label_quality"]["consensus_label"].to_numpy()
    return doubt, best, found["annotator_stats"].sort_index()["annotator_quality"].to_numpy()


METHODS: dict[str, Callable[[Data, Labels, Labels], Found]] = {
    "majority": by_majority,
    "Dawid-Skene": by_dawid_skene,
    "curator, annotators unknown": by_curator_without,
    "curator": by_curator,
    "CROWDLAB": by_crowdlab,
}


def trial(data: Data, crew: str, seed: int) -> dict[str, list[float]]:
    """AUROC, accuracy and rank correlation of quality, by method."""
    said = annotated(data, crew, seed)
    given = consensus(said)
    wrong, right = given != data.truth, said == data.truth[:, None]
    true_quality = right.sum(axis=0) / (said >= 0).sum(axis=0)
    figures = {}
    for name, method in METHODS.items():
        doubt, best, quality = method(data, said, given)
        order = np.nan if quality is None else float(spearmanr(quality, true_quality).statistic)
        figures[name] = [roc_auc_score(wrong, doubt), float((best == data.truth).mean()), order]
    return figures


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--every", type=int, default=1, help="use every n-th row only")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    data = opened(options.reference, None, options.every)
    print("| crew | method | AUROC | accuracy | quality |\n|---|---|---|---|---|")
    for crew in CREWS:
        trials = [trial(data, crew, seed) for seed in range(options.seeds)]
        for name in METHODS:
            columns = zip(*(figures[name] for figures in trials), strict=True)
            cells = [shown(list(values)) if np.isfinite(values).all() else "" for values in columns]
            print(f"| {crew} | {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
