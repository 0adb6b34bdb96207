"""Every command on a folder of very many images: its time and its peak memory.

    python -m benchmarks.catalog_scale --images 1000000

The images are 8 x 8 pixels, of 20 kinds, in folders of a thousand; the encoder is a projection of their
pixels. Half of them are labelled, one label in twenty wrongly. Each command is the program itself, in a
process of its own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.tiny_encoder import SIDE

Ids = npt.NDArray[np.int64]
KINDS, IN_A_FOLDER, LABELLED, WRONG = 20, 1000, 0.5, 0.05
_LOOK = 0.02  # seconds between two looks at a command's memory
NOISE = 40.0  # of pixels, whose kinds are up to 255 apart
ROOT = Path(__file__).parents[1]
COMMANDS = (
    "embed photos --encoder benchmarks.tiny_encoder:pixels",
    "embed photos",
    "status",
    "query --budget 100 --output cold.csv",
    "label import labels.csv",
    "label import labels.csv",
    "label log 0000/0000000.png",
    "label export exported.csv",
    "propagate --output predictions.csv",
    "query --budget 100 --output to_label.csv",
    "audit --output suspects.csv",
    "diff cold.csv to_label.csv",
    "duplicates --output duplicates.csv",
    "outliers --output outliers.csv",
    "leakage --test test --output leakage.csv",
    "faults --output faults.csv",
    "similar test/0000/0000000.png",
    "split --output splits.csv",
    "export labels.json --format coco",
    "export images.parquet --format parquet",
    "map --output map.png",
    "report --output report.html",
    "next",
    "status",
    "doctor",
    "label undo",
)


def main() -> None:
    """Make the images, run the commands, print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--only", help="commands that contain this")
    parser.add_argument("--folder", type=Path, help="where to work; kept")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        if not (folder / "photos").exists():
            make_images(folder, chosen.images)
        print(f"| {chosen.images:,} images | seconds | peak memory, MB |\n|---|---|---|", flush=True)
        for command in COMMANDS:
            if chosen.only is None or chosen.only in command:
                print(f"| `curator {command}` | {' | '.join(measured(command, folder))} |", flush=True)


def make_images(folder: Path, count: int) -> None:
    """So many images, a thousand more for a test set, and a file with labels."""
    kinds = np.random.default_rng(0).integers(KINDS, size=count)
    starts = range(0, count, IN_A_FOLDER)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(partial(_fill, folder / "photos", kinds), starts, chunksize=16))
    _fill(folder / "test", kinds, 0, seed=1)
    with (folder / "labels.csv").open("w", encoding="utf-8") as file:
        file.write("path,label\n")
        file.writelines(_lines(kinds))


def _lines(kinds: Ids) -> Iterator[str]:
    rng = np.random.default_rng(2)
    for number in np.flatnonzero(rng.random(len(kinds)) < LABELLED):
        kind = kinds[number] if rng.random() > WRONG else rng.integers(KINDS)
        yield f"{_name(int(number))},kind {kind:02}\n"


def _fill(folder: Path, kinds: Ids, start: int, seed: int = 0) -> None:
    """One folder of images, each its kind's colours with noise."""
    colours = np.random.default_rng(0).integers(0, 256, size=(KINDS, SIDE, SIDE, 3))
    rng = np.random.default_rng((start, seed))
    (folder / _name(start)).parent.mkdir(parents=True)
    for number in range(start, min(start + IN_A_FOLDER, len(kinds))):
        drawn = colours[kinds[number]] + rng.normal(scale=NOISE, size=(SIDE, SIDE, 3))
        Image.fromarray(drawn.clip(0, 255).astype(np.uint8)).save(folder / _name(number), compress_level=1)


def _name(number: int) -> str:
    return f"{number // IN_A_FOLDER:04}/{number:07}.png"


def measured(command: str, folder: Path) -> list[str]:
    """Seconds and peak memory in MB of one command; what it said, where it failed."""
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "indexes", "cli"))
    started = time.perf_counter()
    with (folder / "said.txt").open("w+", encoding="utf-8") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "curator_cli", *command.split()],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": paths},
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _peak(process.pid))
            time.sleep(_LOOK)
        if process.returncode:
            said.seek(0)
            return [f"failed: {said.read().strip().splitlines()[-1]}", "-"]
    return [f"{time.perf_counter() - started:,.1f}", f"{peak:,.0f}"]


def _peak(process: int) -> float:
    """The most memory in MB that a process has had; what `wait4` tells counts its parent's, too."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024 if "VmHWM" in status else 0.0


if __name__ == "__main__":
    main()
