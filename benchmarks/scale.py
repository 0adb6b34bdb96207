"""What a cluster gains and costs: `embed` and the kNN graph here, and on one and two Ray workers.

    python -m benchmarks.scale [--images 1000] [--rows 100000] [--turns 3]

The workers are raylets on this machine, with a processor each, so that the same processors do the same work
either way: what is left is the price of a cluster. Everything is measured by turns, and each result compared
with that of the local engine, byte for byte. Processor seconds count all processes of the cluster.
"""

import argparse
import hashlib
import importlib
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from curator.encoders import load_encoder
from curator.images import decode_image
from curator.jobs._engines.cluster import ray_engine
from curator.jobs._reading import batches_to_read
from curator.jobs.embed import embed
from curator.store import Workspace
from curator.store.catalog import FileEntry, Reading, record
from curator.store.vectors import VectorFile
from curator_indexes import store_knn_graph
from curator_indexes.runtime import load_torch
from tests.cluster.bench import raylets, stored

Job = Callable[[Path], None]
K, DIMENSIONS, CLUSTERS, BATCH = 20, 128, 500, 64
_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure one worker, then two."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1000, help="JPEGs of 500 x 375 pixels")
    parser.add_argument("--rows", type=int, default=100_000, help=f"of {DIMENSIONS} dimensions, k = {K}")
    parser.add_argument("--turns", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        make_jpegs(root / "photos", chosen.images)
        make_rows(root / "rows.npy", chosen.rows)
        jobs: dict[str, tuple[int, Callable[[str, Path], None]]] = {
            "images": (chosen.images, partial(embedding, root / "photos")),
            "rows": (chosen.rows, partial(graph, root / "rows.npy")),
        }
        measure_costs(root / "photos")
        measure_driver(root / "driver", chosen.rows)
        for machines in (1, 2):
            os.environ["CURATOR_THREADS"] = str(machines)  # of the local engine
            started = time.perf_counter()
            with raylets(machines):
                print(f"{machines} workers: up in {time.perf_counter() - started:.1f} s", flush=True)
                for what, (count, job) in jobs.items():
                    place = root / f"{what} {machines}"
                    compare(what, count, [partial(job, "local"), partial(job, "ray")], chosen.turns, place)


def measure_driver(root: Path, count: int) -> None:
    """What the one process that writes does for each image: list, commit, lay out; and bytes on disk."""
    (root / "photos").mkdir(parents=True)
    workspace = Workspace.create(root / "w", root / "photos")
    entries = (FileEntry(f"{n:09}.jpg", 100_000, n, "pending", None, None) for n in range(count))
    timed("listed", count, lambda: workspace.catalog.synchronize(entries))
    vectors = VectorFile(workspace.database, workspace.encoder_folder("0" * 64), "0" * 64, {}, 384)
    timed("committed", count, lambda: commit_all(workspace, vectors))
    timed("laid out", count, lambda: workspace.catalog.digest())
    size = sum(path.stat().st_size for path in workspace.folder.glob("curator.db*"))
    print(f"  database {size / count:.0f} bytes an image")


def measure_costs(photos: Path) -> None:
    """Microseconds of one processor that a JPEG of 500 pixels and two networks take for an image."""
    torch, timm = load_torch(), importlib.import_module("timm")
    data = [path.read_bytes() for path in sorted(photos.iterdir())[:BATCH]]
    bundled, vit = (
        load_encoder(device="cpu"),
        timm.create_model("vit_small_patch16_224", num_classes=0).eval(),
    )
    pixels = np.stack([bundled.spec.decode(one).pixels for one in data])
    batch = torch.zeros(8, 3, 224, 224)
    with torch.inference_mode():
        jobs: dict[str, tuple[int, Callable[[], object]]] = {
            "decode": (len(data), lambda: [decode_image(one, 224) for one in data]),
            "bundled": (len(data), lambda: bundled.encode(pixels)),
            "ViT-S/16": (len(batch), lambda: vit(batch)),
        }
        for name, (count, job) in jobs.items():
            job()
            timed(name, count, job)


def commit_all(workspace: Workspace, vectors: VectorFile) -> None:
    """Commit batches of 64 images as `embed` does, with nothing to read or encode."""
    rows = np.ones((BATCH, 384), np.float16)
    for batch in batches_to_read(workspace, vectors.encoder_id, BATCH):
        contents = [hashlib.sha256(path.encode()).hexdigest()[:32] for _, path in batch]
        vectors.known(contents)
        with workspace.database.writing() as connection:
            vectors.append(connection, contents, rows[: len(batch)])
            readings = zip(batch, contents, strict=True)
            record(connection, [Reading(item[0], content, 500, 375) for item, content in readings])


def timed(what: str, count: int, job: Callable[[], object]) -> None:
    """Run a job and print its microseconds for each of so many images, by the clock and of a processor."""
    started, spent = time.perf_counter(), time.process_time()
    job()
    clock, processor = time.perf_counter() - started, time.process_time() - spent
    told = f"{1e6 * clock / count:8.1f} microseconds an image, {1e6 * processor / count:8.1f} of a processor"
    print(f"  {what:10} {told}", flush=True)


def compare(what: str, count: int, jobs: Sequence[Job], turns: int, root: Path) -> None:
    """Print how many a second, and milliseconds of a processor for each; the first turn warms up."""
    clock, processor = np.zeros((turns + 1, len(jobs))), np.zeros((turns + 1, len(jobs)))
    for turn in range(turns + 1):
        places = [root / str(turn) / str(number) for number in range(len(jobs))]
        for number, job in enumerate(jobs):
            spent, started = processor_seconds(), time.perf_counter()
            job(places[number])
            clock[turn, number] = time.perf_counter() - started
            processor[turn, number] = processor_seconds() - spent
        if stored(places[0]) != stored(places[1]):
            raise SystemExit(f"{what}: the results differ")
    rates, costs = count / np.median(clock[1:], axis=0), 1000 * np.median(processor[1:], axis=0) / count
    for name, rate, cost in zip(("local", "ray"), rates, costs, strict=True):
        print(f"  {what:7} {name:6} {rate:9.1f} /s {cost:9.3f} ms of a processor each", flush=True)
    ratio = np.median(clock[1:, 0] / clock[1:, 1])
    print(f"  {what:7} ratio {ratio:8.2f}    {costs[1] - costs[0]:+9.3f} ms; same bytes", flush=True)


def embedding(photos: Path, engine: str, place: Path) -> None:
    """Embed the photos in a new workspace; the graph of so few takes no time."""
    embed(Workspace.create(place, photos), device="cpu", k=10, engine=engine)


def graph(rows: Path, engine: str, place: Path) -> None:
    """The graph of the rows, in a new folder."""
    mapped = np.load(rows, mmap_mode="r")
    if engine == "local":
        store_knn_graph(place / "encoders", mapped, K, inputs={})
        return
    with ray_engine(lambda device: load_encoder(device=device), "cpu", None) as opened:
        store_knn_graph(place / "encoders", mapped, K, inputs={}, map_blocks=opened.map_blocks)


def make_jpegs(folder: Path, count: int) -> None:
    """Smooth noise, which takes as long to decode as photographs do."""
    folder.mkdir()
    for number in range(count):
        rough = np.random.default_rng(number).integers(0, 256, size=(24, 32, 3)).astype(np.uint8)
        Image.fromarray(rough).resize((500, 375), Image.Resampling.BICUBIC).save(folder / f"{number:05}.jpg")


def make_rows(path: Path, count: int) -> None:
    """Clustered rows, float16."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(CLUSTERS, DIMENSIONS))
    noise = rng.normal(size=(count, 16)) @ rng.normal(size=(16, DIMENSIONS))
    np.save(path, (centers[rng.integers(CLUSTERS, size=count)] + 0.2 * noise).astype(np.float16))


def processor_seconds() -> float:
    """Of this process and all that it has started, as far as they live."""
    parents, seconds = {}, {}
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and (process / "stat").exists():
            fields = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            parents[int(process.name)] = int(fields[1])
            seconds[int(process.name)] = (int(fields[11]) + int(fields[12])) / _TICKS
    return sum(spent for number, spent in seconds.items() if _descends(number, parents))


def _descends(number: int, parents: dict[int, int]) -> bool:
    while number in parents:
        if number == os.getpid():
            return True
        number = parents[number]
    return False


if __name__ == "__main__":
    main()
