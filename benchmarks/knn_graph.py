"""All-pairs kNN graphs: curator beside pynndescent, FAISS, hnswlib and usearch.

python -m benchmarks.knn_graph peers real million scaling rounds limit --reference reference-embeddings.npz

peers: 100,000 rows, every method. real: the same on real embeddings. million: 1,000,000 rows beside FAISS,
with memory. scaling: how the time grows with n. rounds: 20 times one percent more. limit: 10,000,000
rows on disk under a limit of 4 GiB.

Every method is given the cheapest of its settings that reaches the wanted recall, found beforehand; then all
methods are timed in turn, several times over, each in a process of its own. Recall is measured on rows that
no method has tuned on.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.knn_methods import (
    METHODS,
    Floats,
    K,
    Run,
    Settings,
    cheapest,
    manifold,
    peak_memory,
    recall_of,
    run_apart,
)

RECALL, MILLION_RECALL = 0.98, 0.95
SLOW = ("pynndescent, compiling", "exact")  # timed once: they do not decide a close race
ROUNDS = 20


def compare(
    title: str,
    data: Path,
    methods: dict[str, Settings],
    repeats: int,
    recall: float,
    least: int = 0,
) -> None:
    """Print one table: of methods, and what is set for each besides what reaches the recall."""
    chosen: dict[str, Settings] = {}
    runs: dict[str, list[Run]] = {}
    for name, extra in methods.items():
        if extra:
            chosen[name], runs[name] = extra, []
        else:
            chosen[name], run = cheapest(name, data, recall, least)
            runs[name] = [run]
    for turn in range(repeats):
        for name in chosen:
            if len(runs[name]) <= turn and name not in SLOW:
                runs[name].append(run_apart(name, data, chosen[name]))
    ours, own = median(run.seconds for run in runs["curator"]), data.stat().st_size / (1 << 20)
    print(f"\n### {title}\n\n| method | settings | recall | seconds | times ours | peak MB | peak / rows |")
    print("|---|---|---|---|---|---|---|")
    for name, results in runs.items():
        seconds, found, peak = (
            median(getattr(run, field) for run in results) for field in ("seconds", "recall", "peak")
        )
        shown = ", ".join(f"{key} {value}" for key, value in chosen[name].items())
        print(
            f"| {name} | {shown or 'default'} | {found:.3f} | {seconds:.1f} | {seconds / ours:.1f} |"
            f" {peak:,.0f} | {peak / own:.2f} |",
            flush=True,
        )


def peers(work: Path, methods: list[str], repeats: int) -> None:
    """100,000 rows of a manifold."""
    data = stored(work, manifold(100_000))
    compare(f"100,000 x 384, a manifold, k = {K}", data, wanted(methods), repeats, RECALL)


def real(work: Path, reference: Path, methods: list[str], repeats: int) -> None:
    """Real embeddings: those of an .npz, or those that a workspace keeps in embeddings.npy."""
    if reference.suffix == ".npy":
        rows = np.load(reference).astype(np.float32)
    else:
        with np.load(reference) as arrays:
            rows = np.concatenate([arrays["train"], arrays["test"]]).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    title = f"{len(rows):,} x {rows.shape[1]}, embeddings of images ({reference.name}), k = {K}"
    compare(title, stored(work, rows), wanted(methods), repeats, RECALL, least=1)


def wanted(methods: list[str]) -> dict[str, Settings]:
    """Each method, and what is set for it."""
    return {name: {"recall": RECALL} if name == "curator" else {} for name in methods}


def million(work: Path, repeats: int) -> None:
    """1,000,000 rows; memory-mapped, a quarter of the rows' bytes may be used besides."""
    data = stored(work, manifold(1_000_000))
    ours: Settings = {"recall": MILLION_RECALL}
    mapped = ours | {"memory_limit": data.stat().st_size // 4}
    methods = {"curator": ours, "curator, memory-mapped": mapped, "FAISS HNSW": {}, "FAISS IVF": {}}
    compare(f"1,000,000 x 384, a manifold, k = {K}", data, methods, repeats, MILLION_RECALL, least=1)


def scaling(work: Path, repeats: int) -> None:
    """10,000, 100,000 and 1,000,000 rows, and the exponent that fits them."""
    rows = manifold(1_000_000)
    print(f"\n### Time as n grows, a manifold of 384 dimensions, k = {K}\n")
    print("| rows | recall | seconds | microseconds a row |\n|---|---|---|---|")
    sizes, seconds = (10_000, 31_600, 100_000, 316_000, 1_000_000), []
    for n in sizes:
        data = stored(work, rows[:n])
        runs = [run_apart("curator", data, {}) for _ in range(repeats)]
        seconds.append(median(run.seconds for run in runs))
        each = seconds[-1] / n * 1e6
        print(f"| {n:,} | {median(run.recall for run in runs):.3f} | {seconds[-1]:.2f} | {each:.0f} |")
    exponent = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
    print(f"\nFitted exponent: {exponent:.2f}.", flush=True)


def rounds() -> None:
    """20 times one percent more: what each costs beside building anew, and what recall is left."""
    from curator_indexes import VectorIndex, knn_graph, regrow

    rows = manifold(100_000)
    print(f"\n### {ROUNDS} rounds of one percent more, 384 dimensions, up to 100,000 rows\n")
    print("| k | build anew, seconds | a round, share of it | recall then | recall built anew |")
    print("|---|---|---|---|---|")
    for k in (K, 50):
        n, step = 80_000, 800
        graph, index = knn_graph(rows[:n], k), VectorIndex.build(rows[:n])
        spent = []
        for _ in range(ROUNDS):
            origin = np.concatenate([np.arange(n), np.full(step, -1)])
            n += step
            started = time.perf_counter()
            graph, index = regrow(graph, index, rows[:n], origin)
            spent.append(time.perf_counter() - started)
        anew = []
        for _ in range(3):
            started = time.perf_counter()
            built = knn_graph(rows[:n], k)
            anew.append(time.perf_counter() - started)
        share = median(spent) / median(anew)
        left, right = (recall_of(rows[:n], each.neighbors.astype(np.int64)) for each in (graph, built))
        print(f"| {k} | {median(anew):.2f} | {share:.1%} | {left:.4f} | {right:.4f} |", flush=True)


def limit(work: Path) -> None:
    """10,000,000 rows of 64 dimensions on disk; 4 GiB may be used besides the mapped files."""
    from curator_indexes import store_knn_graph

    path, n = work / "ten-million.npy", 10_000_000
    rows = np.lib.format.open_memmap(path, "w+", np.float16, (n, 64))
    for low in range(0, n, 1_000_000):
        rows[low : low + 1_000_000] = manifold(1_000_000, 64, seed=low)
    mapped = np.load(path, mmap_mode="r")
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=work) as folder:
        graph = store_knn_graph(folder, mapped, K, inputs={}, recall=MILLION_RECALL, memory_limit=4 << 30)
        seconds = time.perf_counter() - started
        print(f"\n### 10,000,000 x 64, float16 on disk, k = {K}, memory_limit 4 GiB\n")
        print("| recall reported | seconds | peak MB, mapped files included |\n|---|---|---|")
        print(f"| {graph.recall:.3f} | {seconds:,.0f} | {peak_memory():,.0f} |", flush=True)


def stored(work: Path, rows: Floats) -> Path:
    """The rows as a file of their own."""
    path = work / "rows.npy"
    np.save(path, rows)
    return path


def main() -> None:
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    tables = ["peers", "real", "million", "scaling", "rounds", "limit"]
    parser.add_argument("tables", nargs="+", choices=tables)
    parser.add_argument(
        "--reference", type=Path, nargs="+", help="real embeddings: an .npz with train and test, or an .npy"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--methods",
        nargs="*",
        default=[name for name in METHODS if "mapped" not in name],
        choices=list(METHODS),
        metavar="METHOD",
        help="for the table of peers",
    )
    parser.add_argument("--work", type=Path, default=Path("build/knn"))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    wanted_tables = set(options.tables)
    if "real" in wanted_tables and options.reference is None:
        parser.error("the table real needs --reference")
    if "peers" in wanted_tables:
        peers(options.work, options.methods, options.repeats)
    if "real" in wanted_tables:
        for reference in options.reference:
            real(options.work, reference, options.methods, options.repeats)
    if "scaling" in wanted_tables:
        scaling(options.work, options.repeats)
    if "rounds" in wanted_tables:
        rounds()
    if "million" in wanted_tables:
        million(options.work, options.repeats)
    if "limit" in wanted_tables:
        limit(options.work)


if __name__ == "__main__":
    main()
