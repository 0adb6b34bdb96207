"""A catalogue of many images, without the images: time and peak memory of each command on it.

    python -m benchmarks.catalog_scale --rows 1000000

The rows are written by the store's own interface, with vectors drawn around 50 centres; index and graph are
built from them as `curator embed` does. Each command then runs in a process of its own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.knn_methods import peak_memory
from curator.jobs._artifacts import build_artifacts
from curator.jobs.audit import audit
from curator.jobs.doctor import doctor
from curator.jobs.labels import export_labels, import_labels
from curator.jobs.progress import silent
from curator.jobs.propagate import propagate
from curator.jobs.query import query
from curator.jobs.status import status
from curator.store import Workspace
from curator.store.catalog import PAGE, FileEntry, Reading, record
from curator.store.vectors import VectorFile

DIM, CLASSES, K, LABELLED = 64, 50, 20, 0.5
SPEC = {"name": "drawn", "source": "benchmarks"}
FINGERPRINT = "d" * 64


def fill(root: Path, rows: int) -> None:
    """A workspace with so many images, each seen, read and embedded; and a label file for half of them."""
    workspace = opened(root)
    names = [f"folder-{number // 1000:04}/{number:07}.jpg" for number in range(rows)]
    workspace.catalog.synchronize(FileEntry(name, 10_000, 1, "pending", None, None) for name in names)
    vectors = VectorFile(workspace.database, workspace.encoder_folder(FINGERPRINT), FINGERPRINT, SPEC, DIM)
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(CLASSES, DIM)).astype(np.float32)
    with (root / "labels.csv").open("w", encoding="utf-8") as file:
        file.write("path,label\n")
        for start in range(0, rows, PAGE):
            known = workspace.catalog.find(names[start : start + PAGE])
            drawn = rng.integers(CLASSES, size=len(known))
            near = centers[drawn] + rng.normal(size=(len(known), DIM)).astype(np.float32)
            near /= np.linalg.norm(near, axis=1, keepdims=True)
            hashes = [f"{start + i:032x}" for i in range(len(known))]
            with workspace.database.writing() as connection:
                vectors.append(connection, hashes, near.astype(np.float16))
                ids = [image.id for image in known.values()]
                record(connection, [Reading(i, h, 64, 64) for i, h in zip(ids, hashes, strict=True)])
            half = zip(list(known)[: int(LABELLED * len(known))], drawn, strict=False)
            file.writelines(f"{name},class {label:02}\n" for name, label in half)
    build_artifacts(workspace, FINGERPRINT, vectors, K, silent)
    workspace.set("encoder", FINGERPRINT)


def opened(root: Path) -> Workspace:
    """The workspace in a folder, for images that are not there."""
    (root / "photos").mkdir(exist_ok=True)
    return Workspace.create(root / ".curator", root / "photos")


def _page(root: Path) -> object:
    return opened(root).catalog.by_ids(range(1000, 1100))


STEPS: dict[str, Callable[[Path], object]] = {
    "start and open": opened,
    "one page of 100 images": _page,
    "status, no labels": lambda root: status(opened(root)),
    "query, no labels": lambda root: query(opened(root), 100, output=root / "cold.csv"),
    "label import": lambda root: import_labels(opened(root), root / "labels.csv"),
    "label import again": lambda root: import_labels(opened(root), root / "labels.csv"),
    "label export": lambda root: export_labels(opened(root), root / "exported.csv"),
    "propagate": lambda root: propagate(opened(root), output=root / "predictions.csv"),
    "query": lambda root: query(opened(root), 100, output=root / "to_label.csv"),
    "audit": lambda root: audit(opened(root), output=root / "suspects.csv"),
    "status": lambda root: status(opened(root)),
    "doctor": lambda root: doctor(root / ".curator"),
}


def measured(step: str, root: Path) -> dict[str, float]:
    """Seconds and peak memory in MB of one step, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.catalog_scale", "--step", step, "--folder", str(root)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


def carry_out(step: str, root: Path) -> None:
    """Do one step, and print what it took."""
    started = time.perf_counter()
    STEPS[step](root)
    print(json.dumps({"seconds": time.perf_counter() - started, "peak": peak_memory()}))


def main() -> None:
    """Fill a workspace, and print a table of what each command takes on it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder by default")
    chosen = parser.parse_args()
    if chosen.step:
        return carry_out(chosen.step, chosen.folder)
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), chosen.rows)
        print(f"| {chosen.rows:,} images | seconds | peak memory, MB |\n|---|---|---|")
        for step in STEPS:
            took = measured(step, Path(folder))
            print(f"| {step} | {took['seconds']:.2f} | {took['peak']:,.0f} |", flush=True)
    return None


if __name__ == "__main__":
    main()
