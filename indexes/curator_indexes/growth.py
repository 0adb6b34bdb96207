"""A kNN graph and its index after some rows were added, removed or changed, at the price of those rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator_indexes._blocks import for_each_block
from curator_indexes._lists import list_count
from curator_indexes._mirror import Offers, gathered, with_offers
from curator_indexes._rows import Floats, Ids
from curator_indexes.build import knn_graph
from curator_indexes.errors import VectorError
from curator_indexes.graph import KnnGraph
from curator_indexes.index import VectorIndex

MOST_CHANGED = 0.2  # share of rows; beyond it, building everything again takes about as long
MOST_OUTGROWN = 1.5  # times the lists that so many rows would get: about 1.7 times the rows
MOST_GONE = 0.1  # of the rows in the lists: they are scanned in vain
_CARRIED_ROWS = 1 << 13
_BLOCK_ROWS = 128  # small enough that a few hundred rows keep several threads busy


def regrow(
    graph: KnnGraph, index: VectorIndex, embeddings: NDArray[Any], origin: NDArray[np.integer[Any]]
) -> tuple[KnnGraph, VectorIndex]:
    """The graph and the index of `embeddings`, most rows of which were in the old ones already.

    Neighbours are searched for new and changed rows, and for rows that have lost a neighbour; new rows are
    offered to the rows they are near to. Everything is built again where more than a fifth of the rows has
    changed, the lists are outgrown or a tenth of what they hold is gone, or the index searches exactly (so
    few rows that it is quickest).

    Args:
        graph: of the old rows; not changed.
        index: of the old rows; not changed.
        embeddings: the new rows, [n, d], as for `knn_graph`.
        origin: for each new row the old row that it equals, or -1 where it is new or changed, int [n]; no
            old row twice. Old rows that are not named are gone.

    Returns:
        Both for the new rows. The graph's `recall` is that of the old one: kept rows keep their neighbours,
        and others are searched for with the same promise.

    Raises:
        VectorError: embeddings of another form, or an origin that is out of range or names a row twice.

    """
    origin = _checked_origin(origin, embeddings, graph.n)
    if not worth_regrowing(graph, index, origin):
        return knn_graph(embeddings, graph.k), VectorIndex.build(embeddings)
    grown = index.revised(embeddings, origin)
    neighbors, similarities, lost = _carried_over(graph, origin)
    _search(grown, np.flatnonzero(lost & (origin >= 0)), neighbors, similarities)
    _welcome(grown, np.flatnonzero(origin < 0), neighbors, similarities)
    return KnnGraph(neighbors, similarities, graph.recall, graph.method), grown


def worth_regrowing(graph: KnnGraph, index: VectorIndex, origin: NDArray[np.integer[Any]]) -> bool:
    """Whether `regrow` follows the changes; otherwise it builds everything again."""
    if index.lists is None or len(origin) <= graph.k:
        return False
    kept = int((origin >= 0).sum())
    gone = index.lists.gone + graph.n - kept
    changed = len(origin) - kept + graph.n - kept
    lists = list_count(len(origin)) / index.lists.count
    return changed <= MOST_CHANGED * graph.n and gone <= MOST_GONE * graph.n and lists <= MOST_OUTGROWN


def _checked_origin(origin: NDArray[Any], embeddings: NDArray[Any], n: int) -> Ids:
    origin = np.asarray(origin)
    if origin.shape != (len(embeddings),) or not np.issubdtype(origin.dtype, np.integer):
        given = f"{origin.dtype} of shape {origin.shape}"
        raise VectorError(f"origin is {given}: wanted integers, one for each of {len(embeddings)} rows")
    known = origin[origin >= 0]
    if len(origin) and (origin.min() < -1 or origin.max() >= n):
        raise VectorError(f"origin holds {origin.min()} to {origin.max()}: wanted -1 to {n - 1}")
    if np.bincount(known).max(initial=0) > 1:
        raise VectorError("origin names an old row twice: each old row becomes one new row at most")
    return origin.astype(np.int64)


def _carried_over(graph: KnnGraph, origin: Ids) -> tuple[NDArray[np.int32], Floats, NDArray[np.bool_]]:
    """Neighbours under their new ids, -1 for rows that are gone, and which kept rows have lost one."""
    place = np.full(graph.n + 1, -1, np.int32)  # the last entry: neighbours of rows that are new
    kept = np.flatnonzero(origin >= 0)
    place[origin[kept]] = kept
    neighbors = np.empty((len(origin), graph.k), np.int32)
    similarities = np.empty((len(origin), graph.k), np.float32)

    def work(low: int, high: int) -> None:
        old = origin[low:high]
        neighbors[low:high] = np.where(old[:, None] >= 0, place[graph.neighbors[old]], -1)
        similarities[low:high] = graph.similarities[old]

    for_each_block(work, len(origin), _CARRIED_ROWS)
    return neighbors, similarities, np.asarray((neighbors < 0).any(axis=1))


def _search(index: VectorIndex, chosen: Ids, neighbors: NDArray[np.int32], similarities: Floats) -> None:
    """Fill in the neighbours of the chosen rows."""
    k = neighbors.shape[1]

    def work(low: int, high: int) -> None:
        part = chosen[low:high]
        neighbors[part], similarities[part] = index.others(part, k)

    for_each_block(work, len(chosen), _BLOCK_ROWS)


def _welcome(index: VectorIndex, fresh: Ids, neighbors: NDArray[np.int32], similarities: Floats) -> None:
    """Find the neighbours of fresh rows, and put these among the neighbours of rows that they are near to."""
    worst = np.ascontiguousarray(similarities[:, -1])
    worst[fresh] = np.inf  # they find each other by themselves
    parts: list[Offers] = []

    def work(low: int, high: int) -> None:
        part = fresh[low:high]
        neighbors[part], similarities[part], offers = index.newcomers(part, neighbors.shape[1], worst)
        parts.append(offers)  # in any order: they are sorted before they are used

    for_each_block(work, len(fresh), _BLOCK_ROWS)
    target, source, offered = gathered(parts)
    known = (neighbors[target] == source[:, None]).any(axis=1)  # rows searched just now know some
    better = with_offers(neighbors, similarities, (target[~known], source[~known], offered[~known]))
    targets = np.unique(better.target)

    def accept(low: int, high: int) -> None:
        rows = targets[low:high]
        neighbors[rows], similarities[rows] = better.rows(rows)

    for_each_block(accept, len(targets), _CARRIED_ROWS)
