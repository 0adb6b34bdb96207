"""Neighbours of vectors that are not in the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from curator_indexes._blocks import for_each_block, in_one_thread
from curator_indexes._duplicates import RowGroups, expand_groups, group_rows
from curator_indexes._exact import QUERY_ROWS, exact_search
from curator_indexes._lists import InvertedLists
from curator_indexes._neighbors import SPARE
from curator_indexes._plan import plan_search
from curator_indexes._ranking import best_first, rescore
from curator_indexes._rows import Floats, Ids, Rows, block_rows, open_rows
from curator_indexes.artifacts import Artifact, read_artifact, write_artifact
from curator_indexes.build import check_k
from curator_indexes.errors import VectorError
from curator_indexes.runtime import load_faiss

_TUNED_K = 50


@dataclass(frozen=True, eq=False)
class VectorIndex:
    """A searchable FAISS index of n rows, by cosine similarity; made by `build` or `load`.

    Attributes:
        n: how many rows it holds.
        d: their length.
        method: "exact" or "inverted lists".
        probes: how many inverted lists a search looks into; 0 for an exact search.

    """

    n: int
    d: int
    method: str
    probes: int
    _groups: RowGroups  # equal rows are stored once: FAISS holds groups, not rows
    _faiss: Any

    KIND: ClassVar[str] = "index"

    @classmethod
    def build(cls, embeddings: NDArray[Any], *, seed: int = 0, recall: float = 0.98) -> VectorIndex:
        """Index the rows of `embeddings`.

        Args:
            embeddings: [n, d], float16, float32 or float64; rows of any length; a memory map is read by
                blocks.
            seed: of the clustering and of the sample on which the number of probed lists is chosen.
            recall: the share of the true 50 nearest rows that a search for one of the rows must find.

        Raises:
            VectorError: embeddings of another shape or type, NaN or infinite values, recall outside (0, 1].

        """
        rows = open_rows(embeddings)
        groups = group_rows(rows)
        distinct = rows if groups.plain else rows.only(groups.first)
        k = max(1, min(_TUNED_K, len(distinct) - 1))
        plan = plan_search(distinct, k, seed=seed, recall=recall)
        stored = _flat_index(distinct) if plan.lists is None else plan.lists.index
        return cls(len(rows), rows.d, plan.method, plan.probes, groups, stored)

    def search(self, vectors: NDArray[Any], k: int) -> tuple[Ids, Floats]:
        """The k rows most similar to each vector, best first, ties by lower id.

        Args:
            vectors: [m, d], float16, float32 or float64, of any length.
            k: how many; at most n are returned.

        Returns:
            Row ids int64 [m, k] and cosine similarities float32 [m, k]. A vector that is itself in the index
            finds itself. Above two gigabytes of vectors, inverted lists hold float16: similarities are then
            off by up to 1e-3.

        Raises:
            VectorError: vectors of another shape or type, NaN or infinite values, k < 1.

        """
        check_k(k)
        queries = open_rows(vectors, "query vectors")
        if queries.d != self.d:
            raise VectorError(f"query vectors have {queries.d} dimensions: the index holds rows of {self.d}")
        k = min(k, self.n)
        ids, similarities = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)

        def work(low: int, high: int) -> None:
            near, scores = self._nearest_groups(queries.block(low, high), min(k, len(self._groups)))
            if not self._groups.plain:
                near, scores = expand_groups(self._groups, near, scores, k)
            ids[low:high], similarities[low:high] = near, scores

        if k > 0:
            for_each_block(work, len(queries), QUERY_ROWS)
        return ids, similarities

    def _nearest_groups(self, queries: Floats, k: int) -> tuple[Ids, Floats]:
        m = min(len(self._groups), k + SPARE)
        if self.method == "exact":
            rows = _stored_rows(self._faiss)
            ids = exact_search(rows, queries, m)
            return best_first(ids, rescore(rows, queries, ids), k)
        lists = InvertedLists(self._faiss)
        ids, similarities = lists.search(queries, m, self.probes)
        short = (ids >= 0).sum(axis=1) < k
        if short.any():  # the lists probed hold too few rows
            ids[short], similarities[short] = lists.search(queries[short], m, lists.count)
        similarities = np.where(ids < 0, -np.inf, np.clip(similarities, -1, 1)).astype(np.float32)
        return best_first(ids, similarities, k)

    def save(self, folder: str | Path, inputs: Mapping[str, Any]) -> None:
        """Store the index as an artifact in `folder`, with what it was made from (JSON's types)."""
        groups = (
            {} if self._groups.plain else {"members": self._groups.members, "starts": self._groups.starts}
        )
        facts = {"n": self.n, "d": self.d, "method": self.method, "probes": self.probes}
        write_artifact(Path(folder), self.KIND, inputs, {**groups, "index.faiss": self._write}, facts=facts)

    def _write(self, path: Path) -> None:
        faiss = load_faiss()
        with path.open("wb") as file:  # through Python: FAISS itself cannot open every path on Windows
            faiss.write_index(self._faiss, faiss.PyCallbackIOWriter(file.write))

    @classmethod
    def load(cls, folder: str | Path) -> VectorIndex:
        """Open a stored index once its checksums are verified: FAISS itself would read a damaged one.

        Raises:
            DamagedFileError: a file is missing, changed or cut short.

        """
        artifact = read_artifact(Path(folder), cls.KIND)
        facts = artifact.facts
        groups = _stored_groups(artifact, facts["n"])
        faiss = load_faiss()
        with artifact.path("index.faiss").open("rb") as file:
            stored = faiss.read_index(faiss.PyCallbackIOReader(file.read))
        return cls(facts["n"], facts["d"], facts["method"], facts["probes"], groups, stored)


def _flat_index(rows: Rows) -> Any:
    index = load_faiss().IndexFlatIP(rows.d)

    def fill() -> None:
        for low in range(0, len(rows), block_rows(rows.d)):
            index.add(np.ascontiguousarray(rows.block(low, min(low + block_rows(rows.d), len(rows)))))

    in_one_thread(fill)
    return index


def _stored_rows(index: Any) -> Rows:
    """The vectors inside a flat index, without copying; valid while the index lives."""
    values = load_faiss().rev_swig_ptr(index.get_xb(), index.ntotal * index.d).reshape(index.ntotal, index.d)
    return Rows(values, values)


def _stored_groups(artifact: Artifact, n: int) -> RowGroups:
    if "members.npy" not in artifact.manifest.files:
        return RowGroups(np.arange(n), np.arange(n + 1))
    return RowGroups(artifact.array("members"), artifact.array("starts"))
