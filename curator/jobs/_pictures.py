"""Thumbnails of the few images whose pictures are to be compared, read when they are asked for."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curator.images import UnreadableImageError, decode_image, read_image
from curator.jobs.state import State
from curator.likeness import ALIKE, SIDE, likeness
from curator_indexes.runtime import usable_cpus

Ids = npt.NDArray[np.int64]
_GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601 luma


class Pictures:
    """Compares the pictures of a workspace; each file is read once."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._known: dict[int, npt.NDArray[np.uint8]] = {}

    def same(self, one: Ids, two: Ids) -> npt.NDArray[np.bool_]:
        """Whether rows `one` and `two` [m] show the same picture, bool [m]."""
        return np.asarray(likeness(self.thumbnails(one), self.thumbnails(two)) > ALIKE)

    def same_as(self, thumbnails: npt.NDArray[np.uint8], rows: Ids) -> npt.NDArray[np.bool_]:
        """Whether pictures from elsewhere, uint8 [m, 32, 32], show the same as rows [m], bool [m]."""
        return np.asarray(likeness(thumbnails, self.thumbnails(rows)) > ALIKE)

    def thumbnails(self, rows: Ids) -> npt.NDArray[np.uint8]:
        """Grey thumbnails of these rows, uint8 [m, 32, 32]."""
        wanted = [row for row in np.unique(rows).tolist() if row not in self._known]
        folder = self._state.workspace.images
        paths = (folder / image.path for image in self._state.images(np.array(wanted, np.int64)))
        self._known |= dict(zip(wanted, read_thumbnails(paths), strict=True))
        return np.stack([self._known[row] for row in rows.tolist()])


def read_thumbnails(paths: Iterable[Path]) -> list[npt.NDArray[np.uint8]]:
    """Grey thumbnails uint8 [32, 32]; black, which is like nothing, where a file cannot be read any more."""
    with ThreadPoolExecutor(usable_cpus()) as pool:
        return list(pool.map(_thumbnail, paths))


def _thumbnail(path: Path) -> npt.NDArray[np.uint8]:
    try:
        pixels: npt.NDArray[Any] = decode_image(read_image(path), SIDE, resize="squash").pixels
    except UnreadableImageError:
        return np.zeros((SIDE, SIDE), np.uint8)
    return np.asarray(np.rint(pixels @ _GREY), np.uint8)
