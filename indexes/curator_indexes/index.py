"""Neighbours of vectors that are not in the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from curator_indexes._blocks import MapBlocks, for_each_block
from curator_indexes._construction import with_copies
from curator_indexes._duplicates import RowGroups, expand_groups, group_rows, groups_by, pairs_of_members
from curator_indexes._elsewhere import Elsewhere
from curator_indexes._exact import QUERY_ROWS
from curator_indexes._lists import InvertedLists, read_lists, write_lists
from curator_indexes._mirror import Offers
from curator_indexes._needs import Effort
from curator_indexes._neighbors import nearest_others, nearest_rows
from curator_indexes._plan import Plan, plan_search
from curator_indexes._ranking import best_first, rescore
from curator_indexes._rows import Floats, Ids, Rows, open_rows
from curator_indexes.artifacts import Artifact, Content, read_artifact, write_artifact
from curator_indexes.build import check_k
from curator_indexes.errors import VectorError

_TUNED_K = 50
_OFFERED_TO = 6  # times k rows are offered a new one
_COPIES_TRIED = 4
_COPIES_PROBES = 2  # the second for a row between two centroids, where rounding decides


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
    def build(
        cls,
        embeddings: NDArray[Any],
        *,
        seed: int = 0,
        recall: float = 0.98,
        map_blocks: MapBlocks | None = None,
    ) -> VectorIndex:
        """Index the rows of `embeddings`.

        Args:
            embeddings: [n, d], float16, float32 or float64; rows of any length; a memory map is read by
                blocks.
            seed: of the clustering and of the sample on which the effort of a search is chosen.
            recall: the share of the true 50 nearest rows that a search for one of the rows must find.
            map_blocks: codes embeddings that are a memory-mapped .npy file elsewhere, to the same index.

        Raises:
            VectorError: embeddings of another shape or type, NaN or infinite values, recall outside (0, 1].

        """
        rows = open_rows(embeddings)
        groups = group_rows(rows)
        distinct = rows if groups.plain else rows.only(groups.first)
        k = max(1, min(_TUNED_K, len(distinct) - 1))
        elsewhere = Elsewhere.over(map_blocks, embeddings)
        encode = None if elsewhere is None else elsewhere.encode
        plan = plan_search(distinct, k, seed=seed, recall=recall, encode=encode)
        return cls(len(rows), rows.d, groups, plan)

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
            part, most = queries.block(low, high), min(k, len(self._groups))
            near, scores = nearest_rows(self._plan.rows, part, self._plan.search, most)
            if not self._groups.plain:
                near, scores = expand_groups(self._groups, near, scores, k)
            ids[low:high], similarities[low:high] = near, scores

        if k > 0:
            for_each_block(work, len(queries), QUERY_ROWS)
        return ids, similarities

    def others(self, chosen: Ids, k: int) -> tuple[Ids, Floats]:
        """The k nearest other rows of the chosen rows [b] of this index; to be called in a worker thread."""
        rows, groups, group = self._plan.rows, self._groups, self._group_of_row[chosen]
        near, similarities = nearest_others(rows, group, self._plan.search, min(k, len(groups) - 1))
        if groups.plain:
            return near, similarities
        return with_copies(rows, groups, group, near, similarities, k, chosen)

    def newcomers(self, chosen: Ids, k: int, worst: Floats) -> tuple[Ids, Floats, Offers]:
        """What `others` gives, and which rows should have a chosen row [b] among their own neighbours.

        More is looked at than in `others`: a row may be far down the list of one that it is a neighbour of.
        At k = 50, 20 rounds of one percent so cost .006 of recall, and .02 at half of `_OFFERED_TO`.

        Args:
            chosen: row ids.
            k: how many neighbours.
            worst: of each row the similarity that a better neighbour must exceed, float32 [n].

        """
        rows, groups, group = self._plan.rows, self._groups, self._group_of_row[chosen]
        if self.lists is None:
            raise VectorError("an index without lists is built anew instead")
        queries, effort = rows.take(group), self._plan.effort
        depth = max(effort.candidates * 3 // 2, k * _OFFERED_TO)
        ids = self.lists.search(queries, depth, effort.probes * 2)
        similarities = rescore(rows, queries, ids)
        offers = self._offers(chosen, ids, similarities, worst)
        ids[ids == group[:, None]] = -1
        near = min(k, len(groups) - 1)
        if ((ids >= 0).sum(axis=1) < near).any():
            return *self.others(chosen, k), offers
        ids, similarities = best_first(ids, np.where(ids < 0, -np.inf, similarities).astype(np.float32), near)
        if not groups.plain:
            ids, similarities = with_copies(rows, groups, group, ids, similarities, k, chosen)
        return ids, similarities, offers

    def _offers(self, chosen: Ids, ids: Ids, similarities: Floats, worst: Floats) -> Offers:
        """Members of the groups found for the chosen rows, [b, m], that a chosen row is better for."""
        slot, column = np.nonzero(ids >= 0)
        near, offered = ids[slot, column], similarities[slot, column]
        # More than k copies of one row are each other's neighbours already: nothing is nearer.
        few = np.diff(self._groups.starts)[near] <= _TUNED_K
        place, target = pairs_of_members(self._groups, near[few])
        source, offered = chosen[slot[few][place]], offered[few][place]
        better = (offered > worst[target]) & (source != target)
        return target[better], source[better], offered[better]

    def revised(self, embeddings: NDArray[Any], origin: Ids) -> VectorIndex:
        """The index of other embeddings [n', d], most rows of which it holds already; itself is not changed.

        Args:
            embeddings: the new rows.
            origin: for each the row of this index that it equals, or -1, int64 [n'].

        Raises:
            VectorError: embeddings of another form, or a new row with NaN or infinite values.

        """
        fresh, kept = np.flatnonzero(origin < 0), np.flatnonzero(origin >= 0)
        rows = open_rows(np.asarray(embeddings[fresh])) if len(fresh) else None
        if embeddings.shape[1] != self.d or self.lists is None:
            raise VectorError(f"embeddings have {embeddings.shape[1]} dimensions: the index is of {self.d}")
        added = np.empty((0, self.d), np.float32) if rows is None else rows.block(0, len(fresh))
        label = np.empty(len(origin), np.int64)  # old groups keep their number, others get one beyond
        label[kept] = self._group_of_row[origin[kept]]
        label[fresh] = self._labels_of(added)
        groups = groups_by(label)
        number = np.full(len(self._groups) + len(fresh), -1, np.int64)
        number[label] = groups.of_row
        beyond, first = np.unique(label[fresh], return_index=True)
        new = beyond >= len(self._groups)
        changes = number[: len(self._groups)], added[first[new]], number[beyond[new]]
        lists = self.lists.revised(*changes)
        distinct = Rows(embeddings, None, None if groups.plain else groups.first)
        if self._plan.rows.held is not None:
            distinct = self._plan.rows.revised(*changes)
        return VectorIndex(len(origin), self.d, groups, Plan(distinct, lists, self._plan.effort))

    def _labels_of(self, added: Floats) -> Ids:
        """The group of each added unit row [m]: an old one if it holds equal rows, else a number beyond."""
        _, first, of_row = np.unique(added, axis=0, return_index=True, return_inverse=True)
        label = len(self._groups) + first[of_row.ravel()]
        if len(added) and self.lists is not None:
            # A copy has the same code in the same list, so it is among the very first.
            near = self.lists.search(added, _COPIES_TRIED, _COPIES_PROBES)
            for candidates in near.T:
                possible = np.flatnonzero(candidates >= 0)
                equal = (self._plan.rows.take(candidates[possible]) == added[possible]).all(axis=1)
                label[possible[equal]] = candidates[possible[equal]]
        return label

    @cached_property
    def _group_of_row(self) -> Ids:
        return self._groups.of_row

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
