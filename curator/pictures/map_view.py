"""A map and what its colours say, as arrays: what pictures and pages of it are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curator._arrays import Floats, Ids
from curator.pictures.palette import NOTHING

__all__ = ["Key", "MapView"]


class Key(NamedTuple):
    """A line of the legend: a class, its colour code, and how many images it has."""

    name: str
    code: int
    images: int


@dataclass(frozen=True, eq=False)
class MapView:
    """A map of n images under one way to colour them.

    Attributes:
        places: float32 [n, 2], from -1 to 1.
        labels: the class of each, given or proposed, int64 [n]; -1 for none.
        classes: names of the classes.
        doubts: error probabilities float64 [n], NaN for none, where colours say doubt; else None.
        title: what is shown, in words.

    """

    places: Floats
    labels: Ids
    classes: Sequence[str]
    doubts: npt.NDArray[np.float64] | None
    title: str

    @property
    def codes(self) -> npt.NDArray[np.uint8]:
        """The code of each image's colour in the palette, uint8 [n]; 255 for none."""
        if self.doubts is None:
            return np.where(self.labels >= 0, self.labels % NOTHING, NOTHING).astype(np.uint8)
        shares = np.rint(np.nan_to_num(self.doubts) * (NOTHING - 1))
        return np.where(np.isnan(self.doubts), NOTHING, shares).astype(np.uint8)

    @property
    def order(self) -> Ids:
        """Rows as they are to be drawn, int64 [n]: in random order, so that no class covers the others.

        What has no colour lies below all, what is doubted most on top.
        """
        heights = np.where(self.codes == NOTHING, -1, 0 if self.doubts is None else self.codes.astype(int))
        shuffled = np.random.default_rng(0).permutation(len(heights))
        return np.asarray(shuffled[np.argsort(heights[shuffled], kind="stable")])

    def legend(self, most: int) -> tuple[list[Key], int]:
        """The largest classes, in the order of their numbers, and how many classes are left out."""
        counts = np.bincount(self.labels[self.labels >= 0], minlength=len(self.classes))
        present = np.flatnonzero(counts)
        shown = np.sort(present[np.argsort(-counts[present], kind="stable")[:most]])
        keys = [Key(self.classes[row], row % NOTHING, int(counts[row])) for row in shown.tolist()]
        return keys, len(present) - len(shown)
