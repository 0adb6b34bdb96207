"""The arrays of a workspace: made from what is stored, reused while that has not changed."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from curator.errors import MissingWorkError
from curator.jobs._regrowth import Former
from curator.jobs.progress import Progress
from curator.store.catalog import PAGE, pages
from curator.store.workspace import Workspace
from curator_indexes import KnnGraph, MapBlocks, VectorIndex, store_knn_graph
from curator_indexes.artifacts import (
    Artifact,
    Content,
    find_artifact,
    read_artifact,
    read_inputs,
    write_artifact,
)
from curator_indexes.errors import DamagedFileError

EMBEDDINGS, GRAPH, INDEX = "embeddings", "graph", "index"
ALGORITHM = 4  # of index and graph: raised when the same embeddings would give another graph


class Rows(Protocol):
    """Vectors float16 [m, dim] by content hash."""

    @property
    def dim(self) -> int: ...

    def gather(self, hashes: Sequence[str]) -> npt.NDArray[np.float16]: ...


def build_artifacts(
    workspace: Workspace,
    fingerprint: str,
    vectors: Rows,
    k: int,
    progress: Progress,
    map_blocks: MapBlocks | None = None,
) -> Artifact:
    """Bring embeddings, index and graph in line with the catalog; returns the embeddings.

    `map_blocks` works on blocks of rows elsewhere; None for here.
    """
    inputs = {"catalog": workspace.catalog.digest(), "encoder": fingerprint}
    former = None
    with suppress(DamagedFileError):
        if read_inputs(_folder(workspace, EMBEDDINGS, fingerprint)) not in (None, inputs):
            former = _open_former(workspace, fingerprint, k)
    embeddings = _build_embeddings(workspace, fingerprint, vectors, inputs)
    _build_graph(workspace, fingerprint, embeddings, k, former, progress, map_blocks)
    return embeddings


def _build_embeddings(
    workspace: Workspace, fingerprint: str, vectors: Rows, inputs: dict[str, Any]
) -> Artifact:
    """Lay the vectors of all readable images out in path order: float16 [n, d], and image ids int64 [n]."""
    folder = _folder(workspace, EMBEDDINGS, fingerprint)

    def write() -> None:
        count = workspace.catalog.counts().get("ready", 0)
        ids = np.fromiter((row.id for row in workspace.catalog.ready()), dtype=np.int64, count=count)
        contents: dict[str, Content] = {
            "embeddings.npy": lambda path: _write_rows(path, workspace, vectors, count),
            "image_ids": ids,
        }
        write_artifact(folder, EMBEDDINGS, inputs, contents)

    return _reuse_or_make(folder, EMBEDDINGS, inputs, write)


def _build_graph(
    workspace: Workspace,
    fingerprint: str,
    embeddings: Artifact,
    k: int,
    former: Former | None,
    progress: Progress,
    map_blocks: MapBlocks | None,
) -> None:
    """Build the FAISS index and the kNN graph of the embeddings, or let the former ones follow them."""
    inputs = _graph_inputs(embeddings)
    index_folder, graph_folder = (_folder(workspace, kind, fingerprint) for kind in (INDEX, GRAPH))
    rows = embeddings.array("embeddings")
    grown = former and former.grown(rows, embeddings.array("image_ids"))

    def write_index() -> None:
        built = grown[1] if grown else VectorIndex.build(rows, map_blocks=map_blocks)
        built.save(index_folder, inputs)

    _reuse_or_make(index_folder, INDEX, inputs, write_index)

    def write_graph() -> None:
        if grown:
            return grown[0].save(graph_folder, inputs | {"k": k})
        index, told = VectorIndex.load(index_folder, rows), partial(progress, "graph")
        options: dict[str, Any] = {"index": index, "progress": told, "map_blocks": map_blocks}
        store_knn_graph(graph_folder, rows, k, inputs=inputs | {"k": k}, **options)
        return None

    _reuse_or_make(graph_folder, GRAPH, inputs | {"k": k}, write_graph)


def _open_former(workspace: Workspace, fingerprint: str, k: int) -> Former | None:
    """What the last run left, where graph and index are of its embeddings; raises DamagedFileError."""
    folders = [_folder(workspace, kind, fingerprint) for kind in (EMBEDDINGS, INDEX, GRAPH)]
    if not all(folder.exists() for folder in folders):
        return None
    embeddings = read_artifact(folders[0], EMBEDDINGS)
    inputs, rows = _graph_inputs(embeddings), embeddings.array("embeddings")
    if read_inputs(folders[1]) != inputs or read_inputs(folders[2]) != inputs | {"k": k}:
        return None
    graph, index = KnnGraph.load(folders[2]), VectorIndex.load(folders[1], rows)
    return Former(rows, embeddings.array("image_ids"), graph, index)


def _graph_inputs(embeddings: Artifact) -> dict[str, Any]:
    return {"embeddings": checksum(embeddings), "algorithm": ALGORITHM}


def load_embeddings(workspace: Workspace, fingerprint: str | None = None) -> Artifact:
    """The embeddings of an encoder (the current one); MissingWorkError before the first `curator embed`."""
    folder = _folder(workspace, EMBEDDINGS, fingerprint)
    if not folder.exists():
        raise MissingWorkError(f"{workspace.folder} holds no embeddings yet: run `curator embed FOLDER`")
    return read_artifact(folder, EMBEDDINGS)


def checksum(embeddings: Artifact) -> str:
    """What identifies the embeddings that later steps were made from."""
    return embeddings.manifest.files["embeddings.npy"]


def load_index(workspace: Workspace, embeddings: npt.NDArray[np.float16]) -> VectorIndex:
    """The FAISS index of the current embeddings."""
    return VectorIndex.load(_folder(workspace, INDEX), embeddings)


def load_graph(workspace: Workspace, embeddings: Artifact, fingerprint: str | None = None) -> Artifact:
    """The kNN graph of these embeddings, of an encoder (the current one); MissingWorkError if of others."""
    folder = _folder(workspace, GRAPH, fingerprint)
    artifact = read_artifact(folder, GRAPH) if folder.exists() else None
    if artifact is None or artifact.inputs.get("embeddings") != checksum(embeddings):
        again = f"run `{workspace.embed_command}`"
        raise MissingWorkError(f"the kNN graph is not that of the newest embeddings: {again}")
    return artifact


def generation(workspace: Workspace, fingerprint: str | None = None) -> object:
    """What tells the stored graph of an encoder (the current one) from any other; None where there is none.

    Its files are not looked at. Raises DamagedFileError where the manifest has been changed.
    """
    fingerprint = fingerprint or workspace.encoder
    inputs = None if fingerprint is None else read_inputs(_folder(workspace, GRAPH, fingerprint))
    return None if inputs is None else (fingerprint, inputs)


def _folder(workspace: Workspace, kind: str, fingerprint: str | None = None) -> Path:
    return workspace.encoder_folder(fingerprint or workspace.setting("encoder")) / kind


def _reuse_or_make(folder: Path, kind: str, inputs: dict[str, Any], make: Callable[[], None]) -> Artifact:
    """Keep an artifact that is whole and made from the same inputs; make it otherwise."""
    found = find_artifact(folder, kind, inputs)
    if found is None:
        make()
        found = read_artifact(folder, kind)
    return found


def _write_rows(path: Path, workspace: Workspace, vectors: Rows, count: int) -> None:
    """Stream a .npy file by ordinary writes: a full disk is then an error, not a killed process."""
    header = {"descr": "<f2", "fortran_order": False, "shape": (count, vectors.dim)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for page in pages(workspace.catalog.ready(), PAGE):
            rows: npt.NDArray[np.float16] = vectors.gather([row.content_hash for row in page])
            file.write(rows.astype("<f2").tobytes())
