"""Strangers among embeddings: how the score of `curator outliers` and others rank them, and what is listed.

    python -m benchmarks.outliers [--embeddings FILE.npz] [--images FOLDER] [--draws N]

FILE.npz holds `train` [n, d] and `train_labels`; of FOLDER, which holds class folders, 5,500 images are
embedded with the bundled encoder. Strangers are ten rows of a class that is left out otherwise, or 50 random
vectors.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

import curator
from curator.data_faults._evened import distances, evened
from curator.data_faults.outlyingness import find_outliers
from curator.jobs.state import load_state
from curator.store import Workspace

Rows = npt.NDArray[Any]
LARGEST, STRANGERS, RANDOM = 5000, 10, 50


def new_class(rows: Rows, labels: Rows, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Rows of all classes but one, and ten of that."""
    left_out = rng.choice(np.unique(labels))
    ordinary = rng.permutation(np.flatnonzero(labels != left_out))[:LARGEST]
    return rows[ordinary], rows[rng.permutation(np.flatnonzero(labels == left_out))[:STRANGERS]]


def random_vectors(rows: Rows, _labels: Rows, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Rows of all classes, and vectors in any direction."""
    return rows[rng.permutation(len(rows))[:LARGEST]], rng.normal(size=(RANDOM, rows.shape[1]))


KINDS: dict[str, Callable[[Rows, Rows, np.random.Generator], tuple[Rows, Rows]]] = {
    "new class": new_class,
    "random vectors": random_vectors,
}


def judged(ordinary: Rows, strangers: Rows) -> Iterator[tuple[str, float, int, int]]:
    """Name, AUROC, strangers and ordinary rows listed (-1 where a score lists none) of each score."""
    rows = np.concatenate([ordinary, strangers]).astype(np.float32)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    strange = np.arange(len(rows)) >= len(ordinary)
    graph = curator.knn_graph(rows, 50)
    for name, found in (
        ("curator", find_outliers(graph, embeddings=rows)),
        ("ratio alone", find_outliers(graph)),
    ):
        listed = int(found.issues[strange].sum()), int(found.issues[~strange].sum())
        yield name, roc_auc_score(strange, np.nan_to_num(found.strangeness)), *listed
    even = distances(evened(rows), np.arange(graph.n), graph.neighbors).mean(axis=1)
    yield "whitened distance alone", roc_auc_score(strange, even), -1, -1
    yield "mean distance alone", roc_auc_score(strange, (1 - graph.similarities).mean(axis=1)), -1, -1


def embedded(folder: Path) -> tuple[Rows, Rows]:
    """Bundled embeddings of images drawn from class folders, and their classes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    chosen = np.random.default_rng(0).permutation(len(files))[: LARGEST + 500]
    with tempfile.TemporaryDirectory() as work:
        for number in chosen:
            target = Path(work) / "images" / files[number].relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(files[number].resolve())
        workspace = Workspace.create(Path(work) / "workspace", Path(work) / "images")
        curator.embed(workspace, labels_from_folders=True, follow_symlinks=True)
        state = load_state(workspace)
        return np.array(state.embeddings), np.array(state.labels)


def main() -> None:
    """Draw, score, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--embeddings", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--draws", type=int, default=10)
    options = parser.parse_args()
    sets: dict[str, tuple[Rows, Rows]] = {}
    if options.embeddings:
        stored = np.load(options.embeddings, allow_pickle=False)
        sets[options.embeddings.stem] = stored["train"], stored["train_labels"]
    if options.images:
        sets["bundled"] = embedded(options.images)
    print("| embeddings | strangers | score | AUROC | listed | ordinary listed |\n|---|---|---|---|---|---|")
    for source, (rows, labels) in sets.items():
        for kind, draw in KINDS.items():
            found: dict[str, list[list[float]]] = {}
            for seed in range(options.draws):
                for name, *values in judged(*draw(rows, labels, np.random.default_rng(seed))):
                    found.setdefault(name, []).append(values)
            for name, each in found.items():
                area, right, wrong = np.mean(each, axis=0)
                listed = f"{right:.1f} | {wrong:.1f}" if right >= 0 else "- | -"
                print(f"| {source} | {kind} | {name} | {area:.3f} | {listed} |", flush=True)


if __name__ == "__main__":
    main()
