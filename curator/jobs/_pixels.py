"""Pixels of all images of a workspace in one file, for work that goes over them many times."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curator.encoders import EncoderSpec
from curator.errors import CuratorError
from curator.images import UnreadableImageError, read_image
from curator.jobs.progress import Progress
from curator.jobs.state import State
from curator.store.catalog import pages
from curator_indexes.runtime import usable_cpus

Images = npt.NDArray[np.uint8]
_AHEAD = 256  # images in memory at once


def write_pixels(
    path: Path, state: State, spec: EncoderSpec, progress: Progress
) -> tuple[Images, npt.NDArray[np.bool_]]:
    """Write the pixels of a workspace's images, in the order of its rows, and map them.

    Returns them uint8 [n, s, s, 3], and which could be read, bool [n]; the others are black. Raises
    `CuratorError` where none could.
    """
    rows, side = state.images(np.arange(len(state.image_ids))), spec.input_size
    shape, readable = (len(rows), side, side, 3), np.zeros(len(rows), bool)
    with path.open("wb") as file:  # ordinary writes: a full disk is then an error, not a killed process
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        paths = [state.workspace.images / row.path for row in rows]
        for number, image in enumerate(_decoded(paths, spec)):
            readable[number] = image is not None
            file.write((np.zeros(shape[1:], np.uint8) if image is None else image).tobytes())
            progress("read", number + 1, len(rows))
    if not readable.any():
        raise CuratorError(
            f"none of the images in {state.workspace.images} can be read any more: is it there?"
        )
    return np.load(path, mmap_mode="r", allow_pickle=False), readable


def _decoded(paths: list[Path], spec: EncoderSpec) -> Iterator[Images | None]:
    with ThreadPoolExecutor(usable_cpus()) as pool:
        for page in pages(paths, _AHEAD):
            yield from pool.map(_read, page, repeat(spec))


def _read(path: Path, spec: EncoderSpec) -> Images | None:
    try:
        return spec.decode(read_image(path)).pixels
    except UnreadableImageError:  # it could be read when it was embedded: `curator embed` will tell
        return None
