"""Neighbours of vectors that are not in the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from curator_indexes._blocks import for_each_block
from curator_indexes._duplicates import RowGroups, expand_groups, group_rows
from curator_indexes._exact import QUERY_ROWS, SPARE, exact_search
from curator_indexes._lists import InvertedLists, read_lists, write_lists
from curator_indexes._needs import Effort
from curator_indexes._plan import Plan, plan_search
from curator_indexes._ranking import best_first, rescore
from curator_indexes._rows import Floats, Ids, Rows, open_rows
from curator_indexes.artifacts import Artifact, Content, read_artifact, write_artifact
from curator_indexes.build import check_k
from curator_indexes.errors import VectorError

_TUNED_K = 50


@dataclass(frozen=True, eq=False)
class VectorIndex:
    """Searches n rows by cosine similarity; made by `build` or `load`.

    Attributes:
        n: how many rows it holds.
        d: their length.

    """

    n: int
    d: int
    _groups: RowGroups  # equal rows are searched once: the plan's rows are groups
    _plan: Plan

    KIND: ClassVar[str] = "index"

    @property
    def method(self) -> str:
        """How it searches: "exact" or "inverted lists"."""
        return self._plan.method

    @property
    def lists(self) -> InvertedLists | None:
        """The inverted lists that it looks into; None for an exact search."""
        return self._plan.lists

    @classmethod
    def build(cls, embeddings: NDArray[Any], *, seed: int = 0, recall: float = 0.98) -> VectorIndex:
        """Index the rows of `embeddings`.

        Args:
            embeddings: [n, d], float16, float32 or float64; rows of any length; a memory map is read by
                blocks.
            seed: of the clustering and of the sample on which the effort of a search is chosen.
            recall: the share of the true 50 nearest rows that a search for one of the rows must find.

        Raises:
            VectorError: embeddings of another shape or type, NaN or infinite values, recall outside (0, 1].

        """
        rows = open_rows(embeddings)
        groups = group_rows(rows)
        distinct = rows if groups.plain else rows.only(groups.first)
        k = max(1, min(_TUNED_K, len(distinct) - 1))
        return cls(len(rows), rows.d, groups, plan_search(distinct, k, seed=seed, recall=recall))

    def search(self, vectors: NDArray[Any], k: int) -> tuple[Ids, Floats]:
        """The k rows most similar to each vector, best first, ties by lower id.

        Args:
            vectors: [m, d], float16, float32 or float64, of any length.
            k: how many; at most n are returned.

        Returns:
            Row ids int64 [m, k] and cosine similarities float32 [m, k]. A vector that is itself in the index
            finds itself.

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
        rows, m = self._plan.rows, min(len(self._groups), k + SPARE)
        ids = self._plan.search(queries, m)
        short = (ids >= 0).sum(axis=1) < k  # the lists looked into hold too few rows
        ids, similarities = best_first(ids, rescore(rows, queries, ids), k)
        if short.any():
            complete = exact_search(rows, queries[short], m)
            ids[short], similarities[short] = best_first(complete, rescore(rows, queries[short], complete), k)
        return ids, similarities

    def save(self, folder: str | Path, inputs: Mapping[str, Any]) -> None:
        """Store the index as an artifact in `folder`, with what it was made from (JSON's types).

        The embeddings are not stored again. Inverted lists are one FAISS file, `index.faiss`.
        """
        lists, effort = self._plan.lists, self._plan.effort
        contents: dict[str, Content] = {}
        if not self._groups.plain:
            contents |= {"members": self._groups.members, "starts": self._groups.starts}
        if lists is not None:
            contents["index.faiss"] = lambda path: write_lists(lists, path)
        facts = {"n": self.n, "d": self.d, "effort": asdict(effort)}
        write_artifact(Path(folder), self.KIND, inputs, contents, facts=facts)

    @classmethod
    def load(cls, folder: str | Path, embeddings: NDArray[Any]) -> VectorIndex:
        """Open a stored index, once its checksums are verified, over the embeddings that it was built from.

        Raises:
            DamagedFileError: a file is missing, changed or cut short.
            VectorError: embeddings of another shape.

        """
        artifact = read_artifact(Path(folder), cls.KIND)
        n, d = artifact.facts["n"], artifact.facts["d"]
        if embeddings.shape != (n, d):
            raise VectorError(f"embeddings have shape {embeddings.shape}: the index was built from {(n, d)}")
        groups = _stored_groups(artifact, n)
        rows = Rows(embeddings, None, None if groups.plain else groups.first)
        if "index.faiss" not in artifact.manifest.files:
            return cls(n, d, groups, Plan(rows))
        lists = read_lists(artifact.path("index.faiss"))
        return cls(n, d, groups, Plan(rows, lists, Effort(**artifact.facts["effort"])))


def _stored_groups(artifact: Artifact, n: int) -> RowGroups:
    if "members.npy" not in artifact.manifest.files:
        return RowGroups(np.arange(n), np.arange(n + 1))
    return RowGroups(artifact.array("members"), artifact.array("starts"))
