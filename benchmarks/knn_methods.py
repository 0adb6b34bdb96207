"""One all-pairs kNN graph, by curator or another library, timed in a process of its own.

python -m benchmarks.knn_methods METHOD ROWS.npy --settings '{"ef": 48}'
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curator_indexes.runtime import load_faiss, usable_cpus

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Settings = dict[str, Any]
Method = Callable[[Floats, int, Settings], Ids]

K = 20
SAMPLE = 2000
_COARSE_TRAINING = 64  # rows a list, in FAISS's favour: its default of 256 only adds time


def curator(rows: Floats, k: int, settings: Settings) -> Ids:
    """`curator_indexes.knn_graph`."""
    from curator_indexes import knn_graph

    return knn_graph(rows, k, **settings).neighbors.astype(np.int64)


def pynndescent(rows: Floats, k: int, settings: Settings) -> Ids:
    """NN-descent; the first run in a process compiles."""
    from pynndescent import NNDescent

    index = NNDescent(rows, metric="cosine", n_neighbors=k + 1, random_state=0, **settings)
    return without_self(np.asarray(index.neighbor_graph[0], np.int64), k)


def faiss_hnsw(rows: Floats, k: int, settings: Settings) -> Ids:
    """FAISS HNSW: build, then search every row."""
    faiss = load_faiss()
    index = faiss.IndexHNSWFlat(rows.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 40
    index.add(rows)
    index.hnsw.efSearch = settings["ef"]
    return without_self(index.search(rows, k + 1)[1], k)


def faiss_ivf(rows: Floats, k: int, settings: Settings) -> Ids:
    """FAISS IVFFlat: train, fill, then search every row."""
    faiss = load_faiss()
    lists = int(4 * len(rows) ** 0.5)
    index = faiss.index_factory(rows.shape[1], f"IVF{lists},Flat", faiss.METRIC_INNER_PRODUCT)
    index.cp.max_points_per_centroid = _COARSE_TRAINING
    index.train(rows)
    index.add(rows)
    index.nprobe = settings["nprobe"]
    return without_self(index.search(rows, k + 1)[1], k)


def faiss_exact(rows: Floats, k: int, settings: Settings) -> Ids:
    """FAISS flat: every row against every row."""
    faiss = load_faiss()
    return without_self(faiss.knn(rows, rows, k + 1, metric=faiss.METRIC_INNER_PRODUCT)[1], k)


def hnswlib(rows: Floats, k: int, settings: Settings) -> Ids:
    """The hnswlib package: build, then search every row."""
    from hnswlib import Index

    index = Index(space="ip", dim=rows.shape[1])
    index.init_index(len(rows), ef_construction=40, M=16)
    index.set_num_threads(usable_cpus())
    index.add_items(rows)
    index.set_ef(settings["ef"])
    return without_self(index.knn_query(rows, k + 1)[0].astype(np.int64), k)


def usearch(rows: Floats, k: int, settings: Settings) -> Ids:
    """The usearch package: build, then search every row."""
    from usearch.index import Index

    index = Index(
        ndim=rows.shape[1],
        metric="ip",
        dtype="f32",
        connectivity=16,
        expansion_add=40,
        expansion_search=settings["ef"],
    )
    index.add(np.arange(len(rows)), rows, threads=usable_cpus())
    return without_self(index.search(rows, k + 1, threads=usable_cpus()).keys.astype(np.int64), k)


_THOROUGH: Settings = {"n_trees": 32, "n_iters": 15, "max_candidates": 60, "delta": 0.0001}
_EF: list[Settings] = [{"ef": ef} for ef in (24, 32, 48, 64, 96, 128, 192, 256)]
METHODS: dict[str, tuple[Method, list[Settings]]] = {
    "curator": (curator, [{}]),
    "curator, memory-mapped": (curator, [{}]),
    "pynndescent": (pynndescent, [{}, _THOROUGH]),
    "pynndescent, compiling": (pynndescent, [{}]),
    "FAISS HNSW": (faiss_hnsw, _EF),
    "hnswlib": (hnswlib, _EF),
    "usearch": (usearch, _EF),
    "FAISS IVF": (faiss_ivf, [{"nprobe": probes} for probes in (8, 16, 24, 32, 48, 64, 96)]),
    "exact": (faiss_exact, [{}]),
}
"""Each method, and its settings from quick to thorough."""


@dataclass(frozen=True)
class Run:
    """What one run took: seconds, recall, and its peak memory with libraries, rows and result, in MB."""

    seconds: float
    recall: float
    peak: float


def without_self(ids: Ids, k: int) -> Ids:
    """Drop each row's own id, or else its last neighbour."""
    own = ids == np.arange(len(ids))[:, None]
    own[~own.any(axis=1), -1] = True
    others: Ids = ids[~own].reshape(len(ids), k)
    return others


def manifold(n: int, d: int = 384, seed: int = 0) -> Floats:
    """Unit rows near a curved surface of 16 dimensions with 100 clusters, as encoders make them."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(100, 16))
    bend, lift = rng.normal(size=(16, 128)) / 4, rng.normal(size=(128, d)) / 11
    shift = 0.3 * rng.normal(size=128)
    rows = np.empty((n, d), np.float32)
    for low in range(0, n, 50_000):
        part = rows[low : low + 50_000]
        latent = centers[rng.integers(100, size=len(part))] + 0.7 * rng.normal(size=(len(part), 16))
        part[:] = np.tanh(latent @ bend + shift) @ lift + 0.02 * rng.normal(size=part.shape)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return rows


def recall_of(rows: Floats, ids: Ids, sample: int = SAMPLE) -> float:
    """Share of the true neighbours found, on a sample of rows; as near as the true k-th counts as found."""
    faiss, k = load_faiss(), ids.shape[1]
    chosen = np.random.default_rng(99).choice(len(rows), min(sample, len(rows)), replace=False)
    similarities, near = faiss.knn(rows[chosen], rows, k + 1, metric=faiss.METRIC_INNER_PRODUCT)
    similarities[near == chosen[:, None]] = -np.inf
    worst = -np.sort(-similarities, axis=1)[:, k - 1]
    found = np.einsum("cd,ckd->ck", rows[chosen], rows[np.maximum(ids[chosen], 0)])
    return float((found >= worst[:, None] - 1e-6).mean())


def run_here(name: str, data: Path, settings: Settings) -> Run:
    """One run in this process; peak memory is taken before recall is measured."""
    method = METHODS[name][0]
    rows = np.load(data, mmap_mode="r" if "mapped" in name else None)
    load_faiss()
    if name == "pynndescent":
        method(rows[:2000], K, settings)  # compiles
    started = time.perf_counter()
    ids = method(rows, K, settings)
    seconds, peak = time.perf_counter() - started, peak_memory()
    return Run(seconds, recall_of(rows, ids), peak)


def run_apart(name: str, data: Path, settings: Settings) -> Run:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.knn_methods", name, str(data)]
    command += ["--settings", json.dumps(settings)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Run(**json.loads(output.splitlines()[-1]))


def cheapest(name: str, data: Path, recall: float, least: int = 0) -> tuple[Settings, Run]:
    """A method's first setting, from the `least` on, that reaches the recall, or the last; and its run."""
    ladder = METHODS[name][1][least:] or METHODS[name][1][-1:]
    for settings in ladder:
        run = run_apart(name, data, settings)
        if run.recall >= recall:
            break
    return settings, run


def peak_memory() -> float:
    """Megabytes in memory at most so far, mapped files included; 0 where the system does not say."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def main() -> None:
    """One run; prints a line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--settings", type=json.loads, default={})
    options = parser.parse_args()
    print(json.dumps(vars(run_here(options.method, options.rows, options.settings))))


if __name__ == "__main__":
    main()
