"""The whole loop as a user runs it, beside the figures of the paper (arXiv 2111.10932).

    python -m benchmarks.paper --images cifar10/train --test cifar10/test --encoder bundled

Both folders hold one folder per class; the class folders are the truth, and play the person who labels.
Labels are one in a thousand (asked for in one round, and in several), all with half of them wrong, and those
that people gave (`--human NAME=FILE.csv`, columns path,label: CIFAR-10N). Each line is beside what the same
encoder reaches on the same test images with every label right, by a linear classifier and by neighbours: the
share of it that the loop reaches is a column. Test images are predicted and nothing else.

With the encoder of choice, such as DINOv2's small one, whose file is at https://huggingface.co/timm:

    python -m benchmarks.paper --images cifar10/train --test cifar10/test --device cuda \\
        --encoder timm:vit_small_patch14_dinov2@224 --weights model.safetensors
"""

import argparse
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression

from curator.finetuning.config import tuned_for
from curator.jobs.embed import embed
from curator.jobs.finetune import finetune
from curator.jobs.labels import import_labels
from curator.jobs.predict import predict
from curator.jobs.propagate import propagate
from curator.jobs.query import query
from curator.jobs.state import load_state
from curator.neighbors import knn_accuracy
from curator.store import Workspace

WRONG = 0.5  # share of all labels, each another class than the right one

Label = Callable[[Workspace, Path], object]


@dataclass(frozen=True)
class Setting:
    """What all lines share."""

    embedded: Path
    work: Path
    test: Path
    device: str
    train: str
    ceiling: float


def main() -> None:
    """Print the tables."""
    options = _options()
    start = _embedded(options.images, options.work / "start", options)
    tested = _embedded(options.test, options.work / "test", options)
    linear, neighbours = ceilings(start, tested)
    print(f"\n## {options.encoder}\n\n| with all labels, right | test accuracy |\n|---|---|")
    print(f"| linear classifier | {linear:.2%} |\n| nearest neighbours (k=20) | {neighbours:.2%} |\n")
    setting = Setting(
        start.folder, options.work, options.test, options.device, options.train, max(linear, neighbours)
    )
    print("| labels | unlabelled images, propagated | test images | after the fine-tune: unlabelled | test |"
          " kept | share of the ceiling | minutes |\n" + "|---" * 8 + "|")  # fmt: skip
    images = start.catalog.counts()["ready"]
    budget = options.budget or max(1, images // 1000)
    print_line(setting, f"{budget}, one round", lambda w, f: ask(w, f, budget, 1))
    print_line(setting, f"{budget}, {options.rounds} rounds", lambda w, f: ask(w, f, budget, options.rounds))
    print_line(setting, f"all, {WRONG:.0%} wrong", spoil)
    for name, _, file in (given.partition("=") for given in options.human):
        print_line(setting, f"all, by people: {name}", partial(hand_in, Path(file)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, required=True, help="training images, one folder per class")
    parser.add_argument("--test", type=Path, required=True, help="test images, one folder per class")
    parser.add_argument("--encoder", default="bundled")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--train", default="head", help="what the fine-tune trains")
    parser.add_argument("--budget", type=int, help="labels asked for; by default one in a thousand")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--human", action="append", default=[], metavar="NAME=FILE.csv")
    parser.add_argument("--work", type=Path, default=Path("build/paper"))
    return parser.parse_args()


def _embedded(images: Path, folder: Path, options: argparse.Namespace) -> Workspace:
    workspace = Workspace.create(folder, images)
    embed(workspace, encoder=options.encoder, weights=options.weights, device=options.device)
    return workspace


def truth(workspace: Workspace) -> npt.NDArray[np.str_]:
    """The class folders of a workspace's images, row by row."""
    state = load_state(workspace)
    return np.array([row.path.split("/")[0] for row in state.images(np.arange(len(state.image_ids)))])


def ceilings(start: Workspace, tested: Workspace) -> tuple[float, float]:
    """Test accuracy with every training label right: linear classifier, nearest neighbours."""
    rows, test_rows = (np.asarray(load_state(w).embeddings, np.float32) for w in (start, tested))
    names = sorted(set(truth(start)))
    labels, test_labels = (np.array([names.index(name) for name in truth(w)]) for w in (start, tested))
    head = LogisticRegression(max_iter=300, C=100).fit(rows, labels)
    return float(head.score(test_rows, test_labels)), knn_accuracy(rows, labels, test_rows, test_labels)


def print_line(setting: Setting, name: str, label: Label) -> None:
    """One line of the table: label a fresh copy of the workspace, propagate, predict, fine-tune, again."""
    folder = setting.work / "run"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(setting.embedded, folder)
    workspace, started = Workspace.open(folder), time.perf_counter()
    label(workspace, setting.work / "labels.csv")
    before = accuracies(workspace, setting)
    report = finetune(workspace, config=tuned_for(setting.train), device=setting.device)
    after = accuracies(workspace, setting) if report.kept else before
    minutes = (time.perf_counter() - started) / 60
    cells = [name, *map(_share, before), *map(_share, after), "yes" if report.kept else "no"]
    print(
        "| " + " | ".join([*cells, f"{after[1] / setting.ceiling:.1%}", f"{minutes:.1f}"]) + " |", flush=True
    )


def _share(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.2%}"


def accuracies(workspace: Workspace, setting: Setting) -> tuple[float, float]:
    """Shares of images labelled rightly: of those without a label (NaN without any), and of the test."""
    _, frame = propagate(workspace)
    rest = frame[frame["given_label"] == ""]
    _, outside = predict(workspace, setting.test, device=setting.device)
    return _right(rest) if len(rest) else float("nan"), _right(outside)


def _right(frame: pd.DataFrame) -> float:
    return float((frame["path"].str.split("/").str[0] == frame["predicted_label"]).mean())


def ask(workspace: Workspace, file: Path, budget: int, rounds: int) -> None:
    """Query, answer by the class folder, hand back; `rounds` times."""
    for part in np.array_split(np.arange(budget), rounds):
        _, frame = query(workspace, len(part), output=file, overwrite=True)
        frame["label"] = frame["path"].str.split("/").str[0]
        frame.to_csv(file, index=False)
        import_labels(workspace, file)


def spoil(workspace: Workspace, file: Path) -> None:
    """Label all images, `WRONG` of them as any other class."""
    right, rng = truth(workspace), np.random.default_rng(0)
    names = sorted(set(right))
    shifted = np.array([names.index(name) for name in right]) + rng.integers(1, len(names), len(right))
    wrong = rng.permutation(len(right)) < WRONG * len(right)
    given = np.where(wrong, np.array(names)[shifted % len(names)], right)
    paths = [row.path for row in workspace.catalog.ready()]
    pd.DataFrame({"path": paths, "label": given}).to_csv(file, index=False)
    import_labels(workspace, file)


def hand_in(labels: Path, workspace: Workspace, _file: Path) -> None:
    """Labels that others gave."""
    import_labels(workspace, labels)


if __name__ == "__main__":
    main()
