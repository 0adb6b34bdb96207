"""Who said what of which image: annotations as users hand them in, checked, and as a list of statements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curator._arrays import Ids
from curator.errors import CuratorError


@dataclass(frozen=True, eq=False)
class Statements:
    """Statement i: annotator `annotators[i]` gave the image `rows[i]` the label `labels[i]`, int64 [m] each.

    A list holds what is said and no more: of a thousand annotators each image is seen by a few.
    """

    rows: Ids
    annotators: Ids
    labels: Ids
    n: int

    @property
    def n_annotators(self) -> int:
        """How many annotators there are."""
        return int(self.annotators.max(initial=-1)) + 1

    @property
    def n_classes(self) -> int:
        """How many classes there are, up to the largest that was named."""
        return int(self.labels.max(initial=0)) + 1


def statements(annotations: Ids) -> Statements:
    """The annotations int64 [n, annotators] as a list, the first annotator's first."""
    annotators, rows = np.nonzero(annotations.T >= 0)
    return Statements(rows, annotators, annotations[rows, annotators], len(annotations))


def checked_annotations(annotations: npt.ArrayLike, n: int | None = None) -> Ids:
    """The annotations as int64 [n, annotators].

    Raises:
        CuratorError: not two-dimensional, another number of rows, not integers, below -1.

    """
    given = np.asarray(annotations)
    wanted = f"({'n' if n is None else n}, annotators)"
    if given.ndim != 2 or n not in (None, len(given)):
        raise CuratorError(
            f"annotations have shape {given.shape}: wanted {wanted}, -1 where one said nothing"
        )
    if not np.issubdtype(given.dtype, np.integer):
        raise CuratorError(f"annotations are {given.dtype}: wanted integers, -1 where one said nothing")
    if given.size and given.min() < -1:
        row, column = np.argwhere(given < -1)[0]
        said = f"annotator {column} says {given[row, column]} of row {row}"
        raise CuratorError(f"{said}: wanted 0 and above, or -1 for nothing")
    return given.astype(np.int64)
