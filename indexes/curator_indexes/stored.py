"""Building a kNN graph on disk: larger than memory, and resumed where it was killed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from curator_indexes._blocks import MapBlocks, Progress, for_each_block
from curator_indexes._checkpoint import Checkpoint, allocate
from curator_indexes._construction import Finished, Task, open_task, search_all
from curator_indexes._elsewhere import Elsewhere
from curator_indexes._exact import QUERY_ROWS
from curator_indexes._plan import Plan, plan_search, reached_recall
from curator_indexes.artifacts import write_artifact
from curator_indexes.build import check_k, knn_graph
from curator_indexes.graph import KnnGraph
from curator_indexes.index import VectorIndex

_FOLDER = "under-way"


def store_knn_graph(
    folder: str | Path,
    embeddings: NDArray[Any],
    k: int = 50,
    *,
    inputs: Mapping[str, Any],
    index: VectorIndex | None = None,
    seed: int = 0,
    recall: float = 0.98,
    memory_limit: int | None = None,
    progress: Progress | None = None,
    map_blocks: MapBlocks | None = None,
) -> KnnGraph:
    """The graph of `knn_graph`, the same to the byte, written to `folder` as it is found.

    Killed at any moment and called again with the same arguments, it goes on where it was. The graph is
    memory-mapped, while it is built and afterwards.

    Args:
        folder: of the artifact; `KnnGraph.load` opens it.
        embeddings: as for `knn_graph`.
        k: as for `knn_graph`.
        inputs: what the graph is made from, in JSON's types. It must tell these embeddings from any others
            (their checksum does): work that was begun with other inputs is thrown away.
        index: of the same embeddings, built with the same seed: spares the graph to make its own.
        seed: as for `knn_graph`.
        recall: as for `knn_graph`.
        memory_limit: as for `knn_graph`.
        progress: as for `knn_graph`.
        map_blocks: searches blocks of rows elsewhere, to the same graph, where the embeddings are a
            memory-mapped .npy file: by processes that see this file and the folder under the same paths.

    Raises:
        VectorError: as `knn_graph`.
        OSError: the disk is full, or the folder cannot be written.

    """
    folder = Path(folder)
    check_k(k)
    task = open_task(embeddings, k, memory_limit)
    if task.k == 0:
        knn_graph(embeddings, k).save(folder, inputs)
        return KnnGraph.load(folder)
    identity = {"inputs": dict(inputs), "k": k, "seed": seed, "recall": recall, "shape": embeddings.shape}
    checkpoint = Checkpoint(folder / _FOLDER, identity)
    checkpoint.begin()
    elsewhere = Elsewhere.over(map_blocks, embeddings, memory_limit)
    plan = checkpoint.load_plan(task.rows)
    if plan is None:
        lists = None if index is None else index.lists
        encode = None if elsewhere is None else elsewhere.encode
        options: dict[str, Any] = {"seed": seed, "recall": recall, "lists": lists, "encode": encode}
        plan = plan_search(task.rows, task.near, mirrored=True, **options)
        checkpoint.save_plan(plan)
    finished = _search(task, plan, checkpoint, progress, elsewhere)
    _write(folder, task, plan, finished, checkpoint, inputs, seed, recall)
    checkpoint.remove()
    return KnnGraph.load(folder)


def _search(
    task: Task, plan: Plan, checkpoint: Checkpoint, progress: Progress | None, elsewhere: Elsewhere | None
) -> Finished:
    found, start = checkpoint.open_found((len(task.rows), task.near))

    def told(done: int, total: int) -> None:
        checkpoint.mark(found, done, last=done == total)
        if progress is not None:
            progress(done, total)

    if elsewhere is None:
        search_all(task, plan, found, start, told)
    else:
        elsewhere.search(task, plan, checkpoint, found, start, told)
    return Finished(task, plan, found)


def _write(
    folder: Path,
    task: Task,
    plan: Plan,
    finished: Finished,
    checkpoint: Checkpoint,
    inputs: Mapping[str, Any],
    seed: int,
    recall: float,
) -> None:
    """Put the finished graph together, beside what was found, and make it the artifact."""
    shape, names = (task.groups.n, task.k), ("finished-neighbors.npy", "finished-similarities.npy")
    paths = checkpoint.folder / names[0], checkpoint.folder / names[1]
    mapped = list(allocate(paths, shape))

    def work(low: int, high: int) -> None:
        mapped[0][low:high], mapped[1][low:high] = finished.rows(low, high)

    for_each_block(work, task.groups.n, QUERY_ROWS)
    mapped.clear()  # Windows renames no file that is mapped
    facts = {
        "recall": reached_recall(plan, finished.distinct_rows, task.near, seed),
        "method": plan.method,
        "wanted_recall": recall,
        "seed": seed,
    }
    contents = {name.removeprefix("finished-"): _moved(path) for name, path in zip(names, paths, strict=True)}
    write_artifact(folder, KnnGraph.KIND, inputs, contents, facts=facts)


def _moved(source: Path) -> Callable[[Path], None]:
    """Writes a file by renaming one that is complete."""

    def move(target: Path) -> None:
        source.replace(target)

    return move
