"""The main job, as a user would type it: on handwritten digits with planted label errors, or on your images.

Run with `make demo` or `make demo IMAGES=folder`.
"""

import argparse
import csv
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

UNLABELLED = 300  # images left without a label, for propagation and query to work on
WRONG = 0.05  # share of the labels that are made wrong
SEED = 0


def main() -> None:
    """Run the demo in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, help="your own folder of images, one sub-folder a class")
    parser.add_argument("--folder", type=Path, default=Path("demo"), help="where the demo's files go")
    options = parser.parse_args()
    make_room(options.folder, options.images)
    if options.images is None:
        on_digits(options.folder)
    else:
        on_folder(options.folder, options.images.resolve())


def make_room(folder: Path, images: Path | None) -> None:
    """Empty the demo's own folder; never one that something else made, or that holds the images."""
    marker = folder / ".made-by-demo"
    if images is not None and images.resolve().is_relative_to(folder.resolve()):
        sys.exit(f"{images} lies inside {folder}, which the demo empties: copy the images elsewhere first")
    if folder.exists() and any(folder.iterdir()) and not marker.exists():
        sys.exit(f"{folder} exists and was not made by the demo: name another with --folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    marker.touch()


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
    unlabelled = curator(folder, "query", "--budget", "20", "--output", "to_label.csv", may_fail=True) == 0
    if rows_of_labels(folder):
        curator(folder, "propagate", "--output", "predictions.csv")
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


def rows_of_labels(folder: Path) -> list[str]:
    """Lines of the exported labels, without the header."""
    done = subprocess.run(
        [command(), "label", "export"], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()[1:]


def curator(folder: Path, *arguments: str, may_fail: bool = False) -> int:
    """Echo a command as the user would type it, run it, show what it prints and how long it took."""
    print(f"\n$ curator {shlex.join(arguments)}", flush=True)
    started = time.perf_counter()
    status = subprocess.run([command(), *arguments], cwd=folder, check=False).returncode
    print(f"  ({time.perf_counter() - started:.1f} s)", flush=True)
    if status and not may_fail:
        sys.exit(status)
    return status


def command() -> str:
    """The `curator` of the environment that runs this script."""
    return str(Path(sys.executable).with_name("curator"))


if __name__ == "__main__":
    main()
