"""Thumbnails of the few images whose pictures are to be compared, read when they are asked for."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curator.data_faults.likeness import ALIKE, SIDE, likeness
from curator.images import UnreadableImageError, decode_image, read_image
from curator.jobs.progress import Progress, silent
from curator.jobs.state import State
from curator_indexes.runtime import usable_cpus

Ids = npt.NDArray[np.int64]
_BLOCK = 1 << 13  # pairs read and compared together
_GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601 luma


class Pictures:
    """Compares the pictures of a workspace; each file is read once."""

    def __init__(self, state: State, progress: Progress = silent) -> None:
        self._state, self._progress = state, progress
        n = len(state.image_ids)
        self._thumbnails = np.zeros((n, SIDE, SIDE), np.uint8)  # what is never written takes no memory
        self._read = np.zeros(n, np.bool_)

    def same(self, one: Ids, two: Ids) -> npt.NDArray[np.bool_]:
        """Whether rows `one` and `two` [m] show the same picture, bool [m]."""
        found = np.empty(len(one), np.bool_)
        for low in range(0, len(one), _BLOCK):
            part = slice(low, low + _BLOCK)
            found[part] = self.same_as(self._of(one[part]), two[part])
            if len(one) > _BLOCK:
                self._progress("compare", min(low + _BLOCK, len(one)), len(one))
        return found

    def same_as(self, thumbnails: npt.NDArray[np.uint8], rows: Ids) -> npt.NDArray[np.bool_]:
        """Whether pictures from elsewhere, uint8 [m, 32, 32], show the same as rows [m], bool [m]."""
        return np.asarray(likeness(thumbnails, self._of(rows)) > ALIKE)

    def _of(self, rows: Ids) -> npt.NDArray[np.uint8]:
        """Grey thumbnails of these rows, uint8 [m, 32, 32]."""
        wanted = np.unique(rows[~self._read[rows]])
        if len(wanted):
            folder = self._state.workspace.images
            paths = (folder / image.path for image in self._state.images(wanted))
            self._thumbnails[wanted] = read_thumbnails(paths)
            self._read[wanted] = True
        return self._thumbnails[rows]


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
