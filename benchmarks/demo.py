"""The main job, as a user would type it: on handwritten digits with planted label errors, or on your images.

Run with `make demo` or `make demo IMAGES=folder`.
"""

import argparse
import csv
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from curator_indexes.files import free_path

UNLABELLED = 300  # images left without a label, for propagation and query to work on
WRONG = 0.05  # share of the labels that are made wrong
SEED = 0


def main() -> None:
    """Run the demo in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, help="your own folder of images, one sub-folder a class")
    parser.add_argument("--folder", type=Path, default=Path("demo"), help="where the demo's files go")
    options = parser.parse_args()
    if options.images is not None and not options.images.is_dir():
        sys.exit(f"there is no folder {options.images}")
    folder = free_path(options.folder)  # an earlier demo's may hold somebody's answers
    folder.mkdir(parents=True)
    if options.images is None:
        on_digits(folder)
    else:
        on_folder(folder, options.images.resolve())


def on_digits(folder: Path) -> None:
    """Write the digits, plant errors, run the five commands, count how many errors were found."""
    planted, truth = write_digits(folder)
    print(f"{len(truth):,} handwritten digits are in {folder}/digits; labels.csv has labels for")
    print(f"{len(truth) - UNLABELLED:,} of them, and {len(planted)} are wrong (planted.csv says which)")
    curator(folder, "embed", "digits")
    curator(folder, "label", "import", "labels.csv")
    curator(folder, "propagate", "--output", "predictions.csv")
    curator(folder, "query", "--budget", "20", "--output", "to_label.csv")
    curator(folder, "audit", "--output", "suspects.csv")
    curator(folder, "status")
    suspects = [row["path"] for row in rows(folder / "suspects.csv")]
    found = len(planted & set(suspects[: len(planted)]))
    predicted = [row for row in rows(folder / "predictions.csv") if not row["given_label"]]
    right = sum(row["predicted_label"] == truth[row["path"]] for row in predicted)
    print(f"\n{found} of the {len(planted)} planted errors stand in the top {len(planted)} of suspects.csv,")
    print(f"{len(planted & set(suspects))} anywhere among its {len(suspects)} rows;")
    print(f"{right} of the {len(predicted)} images without a label are predicted right.")
    print(f"The files are in {folder.resolve()}")


def on_folder(folder: Path, images: Path) -> None:
    """Run the same commands on the user's own images, as far as they have labels."""
    curator(folder, "embed", str(images), "--labels-from-folders")
    labels, unlabelled = labels_and_rest(folder)
    if unlabelled:
        curator(folder, "query", "--budget", "20", "--output", "to_label.csv")
    if labels and unlabelled:
        curator(folder, "propagate", "--output", "predictions.csv")
    if labels:
        curator(folder, "audit", "--output", "suspects.csv")
    curator(folder, "status")
    print(f"\nThe files are in {folder.resolve()}" + ("" if unlabelled else " (every image has a label)"))


def write_digits(folder: Path) -> tuple[set[str], dict[str, str]]:
    """Write PNGs by class, labels.csv with errors, planted.csv; return the planted paths and the truth."""
    digits = load_digits()
    rng = np.random.default_rng(SEED)
    truth: dict[str, str] = {}
    for number, (image, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        path = f"digits/{digit}/{number:04}.png"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.round(image * (255 / 16)).astype(np.uint8)).save(folder / path)
        truth[path.removeprefix("digits/")] = str(digit)
    paths = rng.permutation(sorted(truth))[UNLABELLED:]
    wrong = {str(path) for path in paths[: round(WRONG * len(paths))]}
    given = {path: mistaken(truth[path], rng) if path in wrong else truth[path] for path in sorted(paths)}
    write(folder / "labels.csv", ["path", "label"], given.items())
    planted = ((path, truth[path], given[path]) for path in sorted(wrong))
    write(folder / "planted.csv", ["path", "true_label", "given_label"], planted)
    return wrong, truth


def mistaken(digit: str, rng: np.random.Generator) -> str:
    """Any other digit."""
    return str((int(digit) + rng.integers(1, 10)) % 10)


def write(path: Path, header: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """Write a small CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *lines])


def rows(path: Path) -> list[dict[str, str]]:
    """Read a small CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def labels_and_rest(folder: Path) -> tuple[int, int]:
    """How many images have a label, and how many have none."""
    done = subprocess.run(
        [command(), "status", "--json"], cwd=folder, check=True, capture_output=True, text=True
    )
    status = json.loads(done.stdout)["status"]
    return status["labelled"], status["images"] - status["labelled"]


def curator(folder: Path, *arguments: str) -> None:
    """Echo a command as the user would type it, run it, show what it prints and how long it took."""
    print(f"\n$ curator {shlex.join(arguments)}", flush=True)
    started = time.perf_counter()
    status = subprocess.run([command(), *arguments], cwd=folder, check=False).returncode
    print(f"  ({time.perf_counter() - started:.1f} s)", flush=True)
    if status:
        sys.exit(status)


def command() -> str:
    """The `curator` of the environment that runs this script."""
    return str(Path(sys.executable).with_name("curator"))


if __name__ == "__main__":
    main()
