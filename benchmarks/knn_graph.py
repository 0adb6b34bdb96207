"""All-pairs kNN graphs: curator beside pynndescent, FAISS, hnswlib and usearch, each in a process of its own.

python -m benchmarks.knn_graph --reference build/reference-embeddings.npz

Every method is given the cheapest of its settings that reaches the wanted recall, found beforehand; then all
methods are timed in turn, several times over. Recall is measured on rows that no method has tuned on.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from curator_indexes.runtime import load_faiss, usable_cpus

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Method = Callable[[Floats, int, dict[str, Any]], Ids]

K = 20
RECALL = 0.98
SAMPLE = 2000


def curator(rows: Floats, k: int, settings: dict[str, Any]) -> Ids:
    """`curator_indexes.knn_graph`."""
    from curator_indexes import knn_graph

    return knn_graph(rows, k, **settings).neighbors.astype(np.int64)


def pynndescent(rows: Floats, k: int, settings: dict[str, Any]) -> Ids:
    """NN-descent; the first run in a process compiles."""
    from pynndescent import NNDescent

    index = NNDescent(rows, metric="cosine", n_neighbors=k + 1, random_state=0, **settings)
    return without_self(np.asarray(index.neighbor_graph[0], np.int64), k)


def faiss_hnsw(rows: Floats, k: int, settings: dict[str, Any]) -> Ids:
    """FAISS HNSW: build, then search every row."""
    faiss = load_faiss()
    index = faiss.IndexHNSWFlat(rows.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 40
    index.add(rows)
    index.hnsw.efSearch = settings["ef"]
    return without_self(index.search(rows, k + 1)[1], k)


def faiss_ivf(rows: Floats, k: int, settings: dict[str, Any]) -> Ids:
    """FAISS IVFFlat: train, fill, then search every row."""
    faiss = load_faiss()
    lists = int(4 * len(rows) ** 0.5)
    index = faiss.index_factory(rows.shape[1], f"IVF{lists},Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(rows)
    index.add(rows)
    index.nprobe = settings["nprobe"]
    return without_self(index.search(rows, k + 1)[1], k)


def faiss_exact(rows: Floats, k: int, settings: dict[str, Any]) -> Ids:
    """FAISS flat: every row against every row."""
    faiss = load_faiss()
    return without_self(faiss.knn(rows, rows, k + 1, metric=faiss.METRIC_INNER_PRODUCT)[1], k)


def hnswlib(rows: Floats, k: int, settings: dict[str, Any]) -> Ids:
    """The hnswlib package: build, then search every row."""
    from hnswlib import Index

    index = Index(space="ip", dim=rows.shape[1])
    index.init_index(len(rows), ef_construction=40, M=16)
    index.set_num_threads(usable_cpus())
    index.add_items(rows)
    index.set_ef(settings["ef"])
    return without_self(index.knn_query(rows, k + 1)[0].astype(np.int64), k)


def usearch(rows: Floats, k: int, settings: dict[str, Any]) -> Ids:
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


EFFORTS: dict[str, tuple[Method, list[dict[str, Any]]]] = {
    "curator": (curator, [{}]),
    "pynndescent": (pynndescent, [{}, {"n_trees": 16, "n_iters": 12}]),
    "pynndescent, compiling": (pynndescent, [{}]),
    "FAISS HNSW": (faiss_hnsw, [{"ef": ef} for ef in (32, 48, 64, 96, 128, 192, 256)]),
    "hnswlib": (hnswlib, [{"ef": ef} for ef in (32, 48, 64, 96, 128, 192, 256)]),
    "usearch": (usearch, [{"ef": ef} for ef in (32, 48, 64, 96, 128, 192, 256)]),
    "FAISS IVF": (faiss_ivf, [{"nprobe": probes} for probes in (8, 16, 24, 32, 48, 64, 96)]),
    "exact": (faiss_exact, [{}]),
}


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


def recall_of(rows: Floats, ids: Ids) -> float:
    """Share of the true neighbours found, on a sample of rows; as near as the true k-th counts as found."""
    faiss, k = load_faiss(), ids.shape[1]
    chosen = np.random.default_rng(99).choice(len(rows), min(SAMPLE, len(rows)), replace=False)
    similarities, near = faiss.knn(rows[chosen], rows, k + 1, metric=faiss.METRIC_INNER_PRODUCT)
    similarities[near == chosen[:, None]] = -np.inf
    worst = -np.sort(-similarities, axis=1)[:, k - 1]
    found = np.einsum("cd,ckd->ck", rows[chosen], rows[np.maximum(ids[chosen], 0)])
    return float((found >= worst[:, None] - 1e-6).mean())


def run_one(name: str, data: Path, settings: dict[str, Any]) -> dict[str, float]:
    """Seconds, recall and peak memory of one run in this process."""
    method = EFFORTS[name][0]
    rows = np.load(data)
    load_faiss()
    if name == "pynndescent":
        method(rows[:2000], K, settings)  # compiles
    before = resident("VmRSS")
    started = time.perf_counter()
    ids = method(rows, K, settings)
    seconds = time.perf_counter() - started
    taken = resident("VmHWM") - before
    return {"seconds": seconds, "megabytes": taken, "recall": recall_of(rows, ids)}


def resident(field: str) -> float:
    """Megabytes in memory, now ("VmRSS") or at most so far ("VmHWM"); 0 where the system does not say."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(field)), 0.0)


def run_apart(name: str, data: Path, settings: dict[str, Any]) -> dict[str, float]:
    """The same in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.knn_graph",
        "--one",
        name,
        "--settings",
        json.dumps(settings),
    ]
    output = subprocess.run(
        [*command, "--data", str(data)], check=True, capture_output=True, text=True
    ).stdout
    result: dict[str, float] = json.loads(output.splitlines()[-1])
    return result


def cheapest(name: str, data: Path) -> dict[str, Any]:
    """The first of a method's settings that reaches the recall; the last if none does."""
    settings = EFFORTS[name][1]
    for candidate in settings[:-1]:
        if run_apart(name, data, candidate)["recall"] >= RECALL:
            return candidate
    return settings[-1]


def compare(title: str, data: Path, names: list[str], repeats: int) -> None:
    """Print one table."""
    chosen = {name: cheapest(name, data) for name in names}
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(repeats):
        for name in names:
            runs[name].append(run_apart(name, data, chosen[name]))
    ours = median(run["seconds"] for run in runs["curator"])
    print(f"\n## {title}\n\n| method | settings | recall | seconds | times ours | MB beside the rows |")
    print("|---|---|---|---|---|---|")
    for name, results in runs.items():
        seconds, recall, megabytes = (
            median(run[key] for run in results) for key in ("seconds", "recall", "megabytes")
        )
        shown = ", ".join(f"{key} {value}" for key, value in chosen[name].items()) or "default"
        print(
            f"| {name} | {shown} | {recall:.3f} | {seconds:.1f} | {seconds / ours:.1f} | {megabytes:,.0f} |"
        )


def main() -> None:
    """Compare on a manifold and on real embeddings."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--reference", type=Path, help="an .npz with real embeddings: train and test")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--methods", nargs="*", default=list(EFFORTS), choices=list(EFFORTS))
    parser.add_argument("--work", type=Path, default=Path("build/knn"))
    parser.add_argument("--one", choices=list(EFFORTS), help=argparse.SUPPRESS)
    parser.add_argument("--settings", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(run_one(options.one, options.data, options.settings)))
        return
    options.work.mkdir(parents=True, exist_ok=True)
    data = options.work / f"manifold-{options.rows}.npy"
    np.save(data, manifold(options.rows))
    compare(f"{options.rows:,} x 384, a manifold, k = {K}", data, options.methods, options.repeats)
    if options.reference:
        with np.load(options.reference) as arrays:
            rows = np.concatenate([arrays["train"], arrays["test"]]).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        data = options.work / "reference.npy"
        np.save(data, rows)
        title = f"{len(rows):,} x {rows.shape[1]}, embeddings of CIFAR-10, k = {K}"
        compare(title, data, options.methods, options.repeats)


if __name__ == "__main__":
    main()
