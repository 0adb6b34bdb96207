"""Exact and near duplicates in groups, each with the one image to keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from curator._arrays import Floats, GraphLike, Ids, checked_embeddings, checked_graph
from curator.errors import CuratorError
from curator.neighbors.near_duplicates import near_duplicate_similarity
from curator.neighbors.votes import joined
from curator_indexes import KnnGraph

__all__ = ["Confirm", "DuplicateGroups", "find_duplicates", "least_similarity"]

Confirm: TypeAlias = Callable[[Ids, Ids], npt.NDArray[np.bool_]]
_WIDER = 2  # times the distance: half as many more copies are found, and a fifth of the images is looked at
_LEAST_SIMILARITY = 0.1
_BLOCK = 1 << 16  # pairs whose rows are in memory together


@dataclass(frozen=True, eq=False)
class DuplicateGroups:
    """Groups of images that show the same.

    Attributes:
        keeper: of each row the row to keep in its place, int64 [n]; its own number where it has no duplicate
            or is the one to keep.
        similarity: of each row to its keeper, float32 [n]; 1 for keepers.
        linked: a group number for each row, int64 [n], coarser: rows that a chain of near duplicates joins
            share one. Who splits a data set must not part these.
        threshold: the similarity above which two images are near duplicates.

    """

    keeper: Ids
    similarity: Floats
    linked: Ids
    threshold: float

    @property
    def members(self) -> Ids:
        """Rows of all groups of two and more, int64 [m], ascending."""
        sizes = np.bincount(self.keeper, minlength=len(self.keeper))
        return np.flatnonzero(sizes[self.keeper] > 1)


def find_duplicates(
    graph: GraphLike,
    embeddings: npt.NDArray[Any],
    *,
    contents: npt.ArrayLike | None = None,
    preference: npt.ArrayLike | None = None,
    threshold: float | None = None,
    confirm: Confirm | None = None,
) -> DuplicateGroups:
    """Group exact and near duplicates around the image to keep.

    Every member is a near duplicate of its group's keeper itself, not of some other member only: in a film
    whose frames resemble each the next, the first and the last are not one image. Keepers are chosen in the
    order of preference, each taking in what is near enough to it and not taken yet.

    Args:
        graph: a kNN graph.
        embeddings: float [n, d].
        contents: int [n], equal where two files are equal byte for byte; None where that is not known.
        preference: [n], the higher the rather kept; ties go to the lower row. None: the lowest row is kept.
        threshold: the similarity above which two images are near duplicates; None for `least_similarity`.
        confirm: says of pairs of rows that are near enough, int [m] and int [m], whether they show the same,
            bool [m]; None to believe the embeddings.

    Raises:
        CuratorError: a graph or embeddings that cannot be used, arrays of another length, a threshold
            outside (0, 1].

    """
    checked = checked_graph(graph)
    least = least_similarity(checked, confirmed=confirm is not None) if threshold is None else threshold
    if not 0 < least <= 1:
        raise CuratorError(f"threshold is {threshold!r}: wanted a similarity above 0 and at most 1")
    unit = checked_embeddings(embeddings, checked.n)
    same = _column(contents, checked.n, np.arange(checked.n), "contents")
    order = np.argsort(-_column(preference, checked.n, np.zeros(checked.n), "preference"), kind="stable")
    alike = _Likeness(unit, same, float(least), confirm)
    linked = _linked(checked, alike)
    keeper, similarity = _kept(linked, order, alike)
    return DuplicateGroups(keeper, similarity, linked, float(least))


def least_similarity(graph: KnnGraph, *, confirmed: bool) -> float:
    """The similarity above which two images of these data are near duplicates.

    Set by the distances in the data: a third of that at which other images lie, or less, in a gap. Where the
    pictures themselves are compared as well, pairs up to twice as far apart are worth comparing.
    """
    natural = 1 - near_duplicate_similarity(graph)
    return max(1 - natural * (_WIDER if confirmed else 1), _LEAST_SIMILARITY)


@dataclass(frozen=True, eq=False)
class _Likeness:
    """Whether two rows are duplicates: equal contents, or near, and confirmed."""

    unit: Floats
    contents: npt.NDArray[Any]
    least: float
    confirm: Confirm | None

    def __call__(self, one: Ids, two: Ids) -> tuple[npt.NDArray[np.bool_], Floats]:
        """Of pairs of rows [m]: whether they are, bool [m], and how similar they are, float32 [m]."""
        near = np.empty(len(one), np.float32)
        for low in range(0, len(one), _BLOCK):
            part = slice(low, low + _BLOCK)
            near[part] = np.einsum("md,md->m", self.unit[one[part]], self.unit[two[part]])
        same = self.contents[one] == self.contents[two]
        near = np.where(same, np.float32(1), near.clip(-1, 1))
        return self.confirmed(one, two, near > self.least), near

    def confirmed(self, one: Ids, two: Ids, near: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Which of the pairs [m] of which these are near are duplicates, bool [m]."""
        same = self.contents[one] == self.contents[two]
        asked = np.flatnonzero(near & ~same)
        alike: npt.NDArray[np.bool_] = same | near
        if self.confirm is not None and len(asked):
            alike[asked] = self.confirm(one[asked], two[asked])
        return alike


def _linked(graph: KnnGraph, alike: _Likeness) -> Ids:
    rows, columns = np.nonzero(graph.similarities > alike.least)
    others = graph.neighbors[rows, columns].astype(np.int64)
    pairs = np.unique(np.minimum(rows, others) * graph.n + np.maximum(rows, others))  # each pair once
    one, two = pairs // max(graph.n, 1), pairs % max(graph.n, 1)
    kept = alike.confirmed(one, two, np.ones(len(one), bool))
    order = np.argsort(alike.contents, kind="stable")
    chained = np.flatnonzero(alike.contents[order[1:]] == alike.contents[order[:-1]])
    return joined(
        graph.n,
        np.concatenate([one[kept], order[chained]]),
        np.concatenate([two[kept], order[chained + 1]]),
    )


def _kept(linked: Ids, order: Ids, alike: _Likeness) -> tuple[Ids, Floats]:
    """Each row's keeper, int64 [n], and how similar it is to it, float32 [n].

    In every linked group at once the first of the rest in the order of preference keeps itself, and takes in
    what is like it, until none is left.
    """
    keeper, similarity = np.arange(len(linked)), np.ones(len(linked), np.float32)
    rest = order[np.argsort(linked[order], kind="stable")]
    rest = rest[np.bincount(linked)[linked[rest]] > 1]
    while len(rest):
        starts = np.diff(linked[rest], prepend=-1) != 0
        firsts = rest[starts][np.cumsum(starts) - 1]
        taken, near = alike(firsts, rest)
        keeper[rest[taken]], similarity[rest[taken]] = firsts[taken], near[taken]
        rest = rest[~taken]
    return keeper, similarity


def _column(values: npt.ArrayLike | None, n: int, default: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    if values is None:
        return default
    column = np.asarray(values)
    if column.shape != (n,):
        raise CuratorError(f"{name} has shape {column.shape}: the graph has {n} rows, wanted ({n},)")
    return column
