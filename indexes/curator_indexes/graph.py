"""The kNN graph: who is nearest to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from curator_indexes.artifacts import Artifact, read_artifact, write_artifact
from curator_indexes.errors import VectorError


@dataclass(frozen=True, eq=False)
class KnnGraph:
    """The k nearest other rows of each of n rows, by cosine similarity.

    Attributes:
        neighbors: row ids, int32 [n, k]: best first, ties by lower id, the row itself never among them.
        similarities: cosine similarity to those rows, float32 [n, k], each in [-1, 1].
        recall: share of the true neighbours that were found: 1 for an exact search, otherwise estimated on a
            sample.
        method: how it was built, "exact" or "inverted lists".

    """

    neighbors: NDArray[np.int32]
    similarities: NDArray[np.float32]
    recall: float = 1.0
    method: str = "exact"

    KIND: ClassVar[str] = "graph"

    def __post_init__(self) -> None:
        if self.neighbors.ndim != 2 or self.neighbors.shape != self.similarities.shape:
            shapes = f"{self.neighbors.shape} and {self.similarities.shape}"
            raise VectorError(f"neighbors and similarities have shapes {shapes}: wanted the same [n, k]")
        if self.neighbors.dtype != np.int32 or self.similarities.dtype != np.float32:
            types = f"{self.neighbors.dtype} and {self.similarities.dtype}"
            raise VectorError(f"neighbors and similarities are {types}: wanted int32 and float32")

    @property
    def n(self) -> int:
        """How many rows the graph has."""
        return int(self.neighbors.shape[0])

    @property
    def k(self) -> int:
        """How many neighbours each row has."""
        return int(self.neighbors.shape[1])

    def prefix(self, k: int) -> KnnGraph:
        """The graph of the k nearest only, without copying; the whole graph where it has no more than k.

        Raises:
            VectorError: k is below 1.

        """
        if k < 1:
            raise VectorError(f"k is {k}: wanted at least 1")
        return KnnGraph(self.neighbors[:, :k], self.similarities[:, :k], self.recall, self.method)

    def save(self, folder: str | Path, inputs: Mapping[str, Any]) -> None:
        """Store the graph as an artifact in `folder`, with what it was made from (JSON's types)."""
        contents = {"neighbors": self.neighbors, "similarities": self.similarities}
        facts = {"recall": float(self.recall), "method": self.method}
        write_artifact(Path(folder), self.KIND, inputs, contents, facts=facts)

    @classmethod
    def load(cls, folder: str | Path) -> KnnGraph:
        """Open a stored graph, memory-mapped, once its checksums are verified.

        Raises:
            DamagedFileError: a file is missing, changed or cut short.

        """
        return cls.stored_in(read_artifact(Path(folder), cls.KIND))

    @classmethod
    def stored_in(cls, artifact: Artifact) -> KnnGraph:
        """The graph in an artifact that has been opened, memory-mapped."""
        arrays = artifact.array("neighbors"), artifact.array("similarities")
        return cls(*arrays, recall=artifact.facts["recall"], method=artifact.facts["method"])
