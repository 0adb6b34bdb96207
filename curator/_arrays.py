"""Graphs, labels and embeddings as users hand them in, checked; and what all arithmetic here shares."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from curator.errors import CuratorError
from curator_indexes import KnnGraph

Ids: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float32]
Reals: TypeAlias = npt.NDArray[np.float64]
Real = TypeVar("Real", Floats, Reals)


class GraphLike(Protocol):
    """Anything with the two arrays of a kNN graph."""

    @property
    def neighbors(self) -> npt.NDArray[Any]:
        """Row ids, int [n, k], best first, the row itself never among them."""

    @property
    def similarities(self) -> npt.NDArray[Any]:
        """Cosine similarity to those rows, float [n, k]."""


def checked_graph(graph: GraphLike) -> KnnGraph:
    """The graph as a `KnnGraph`.

    Raises:
        CuratorError: not a graph, arrays of different or other than two dimensions, ids out of range, a row
            that is its own neighbour, similarities that are not finite.

    """
    try:
        neighbors, similarities = np.asarray(graph.neighbors), np.asarray(graph.similarities)
    except AttributeError:
        raise CuratorError(
            f"a graph needs .neighbors and .similarities, and {type(graph).__name__} lacks one: "
            "make one with curator.knn_graph(embeddings)"
        ) from None
    if neighbors.ndim != 2 or neighbors.shape != similarities.shape:
        shapes = f"{neighbors.shape} and {similarities.shape}"
        raise CuratorError(f"neighbors and similarities have shapes {shapes}: wanted the same [n, k]")
    if not np.issubdtype(neighbors.dtype, np.integer):
        raise CuratorError(f"graph.neighbors is {neighbors.dtype}: wanted row ids, integers")
    _check_neighbors(neighbors)
    if not np.isfinite(similarities).all():
        raise CuratorError("graph.similarities holds NaN or infinite values")
    if isinstance(graph, KnnGraph):
        return graph
    return KnnGraph(neighbors.astype(np.int32), similarities.astype(np.float32))


def _check_neighbors(neighbors: npt.NDArray[Any]) -> None:
    n = len(neighbors)
    outside = (neighbors < 0) | (neighbors >= n)
    if outside.any():
        row, column = np.argwhere(outside)[0]
        given = f"neighbour {column} of row {row} is {neighbors[row, column]}"
        raise CuratorError(f"{given}: wanted ids from 0 to {n - 1}")
    own = (neighbors == np.arange(n)[:, None]).any(axis=1)
    if own.any():
        raise CuratorError(f"row {own.argmax()} is its own neighbour: leave each row out of its neighbours")


def checked_labels(labels: npt.ArrayLike, n: int, n_classes: int | None = None) -> tuple[Ids, int]:
    """The labels as int64 [n], -1 where unlabelled, and how many classes there are.

    Args:
        labels: int [n], -1 where unlabelled.
        n: how many rows the graph has.
        n_classes: how many classes; None for the largest label + 1.

    Raises:
        CuratorError: another length, labels that are not integers, below -1 or not below `n_classes`.

    """
    given = np.asarray(labels)
    if given.shape != (n,):
        raise CuratorError(f"labels have shape {given.shape}: the graph has {n} rows, wanted ({n},)")
    if not np.issubdtype(given.dtype, np.integer) and n > 0:
        raise CuratorError(f"labels are {given.dtype}: wanted integers, -1 where unlabelled")
    if n and given.min() < -1:
        wanted = "wanted 0 and above, or -1 where unlabelled"
        raise CuratorError(f"row {given.argmin()} has label {given.min()}: {wanted}")
    classes = _checked_count(n_classes, int(given.max()) + 1 if n else 0)
    if n and given.max() >= classes:
        wanted = f"with n_classes={classes}, wanted at most {classes - 1}"
        raise CuratorError(f"row {given.argmax()} has label {given.max()}: {wanted}")
    return given.astype(np.int64), classes


def _checked_count(n_classes: int | None, seen: int) -> int:
    if n_classes is None:
        return seen
    if isinstance(n_classes, bool) or not isinstance(n_classes, int | np.integer) or n_classes < 1:
        raise CuratorError(f"n_classes is {n_classes!r}: wanted a whole number of at least 1")
    return int(n_classes)


def checked_embeddings(embeddings: npt.NDArray[Any], n: int) -> Floats:
    """The embeddings as unit rows, float32 [n, d]; a zero row stays zero.

    Raises:
        CuratorError: another number of rows, not two-dimensional, not numbers, NaN or infinite values.

    """
    rows = np.asarray(embeddings)
    if rows.ndim != 2 or len(rows) != n:
        raise CuratorError(f"embeddings have shape {rows.shape}: the graph has {n} rows, wanted ({n}, d)")
    if not np.issubdtype(rows.dtype, np.floating):
        raise CuratorError(f"embeddings are {rows.dtype}: wanted floating-point numbers")
    rows = rows.astype(np.float32)
    if not np.isfinite(rows).all():
        row = (~np.isfinite(rows).all(axis=1)).argmax()
        raise CuratorError(f"embedding {row} holds NaN or infinite values: embed it again, or leave it out")
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Floats = np.divide(rows, length, out=rows, where=length > 0)  # a copy already: in place
    return unit


def softmax(logits: Real) -> Real:
    """exp(logits) with rows summing to 1, [b, C]."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
