"""The index and the graph of an earlier run, which follow what has changed since."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from curator_indexes import KnnGraph, VectorIndex, regrow
from curator_indexes.growth import worth_regrowing

Rows = npt.NDArray[np.float16]
ImageIds = npt.NDArray[np.int64]
_COMPARED_ROWS = 1 << 14


@dataclass(frozen=True, eq=False)
class Former:
    """The embeddings of an earlier run and what was built from them, opened before they are replaced.

    Attributes:
        rows: the embeddings, float16 [n, d].
        image_ids: whose they are, int64 [n].
        graph: of these rows.
        index: of these rows.

    """

    rows: Rows
    image_ids: ImageIds
    graph: KnnGraph
    index: VectorIndex

    def grown(self, rows: Rows, image_ids: ImageIds) -> tuple[KnnGraph, VectorIndex] | None:
        """The graph and the index of the new rows; None where they are better built anew."""
        if rows.shape[1] != self.rows.shape[1]:
            return None
        origin = self._origin(rows, image_ids)
        if not worth_regrowing(self.graph, self.index, origin):
            return None
        return regrow(self.graph, self.index, rows, origin)

    def _origin(self, rows: Rows, image_ids: ImageIds) -> ImageIds:
        """For each new row an equal old one, of the same image where there is one, or -1, int64 [n]."""
        origin = pd.Index(self.image_ids).get_indexer(pd.Index(image_ids))
        for low in range(0, len(rows), _COMPARED_ROWS):
            old = origin[low : low + _COMPARED_ROWS]
            differs = (rows[low : low + _COMPARED_ROWS] != self.rows[old]).any(axis=1)
            old[differs] = -1
        free = np.setdiff1d(np.arange(len(self.rows)), origin)
        place_of = {self.rows[place].tobytes(): place for place in free}
        for new in np.flatnonzero(origin < 0):  # renamed images have another id
            origin[new] = place_of.pop(rows[new].tobytes(), -1)
        return origin
