"""Pixels of all images of a workspace in one file, for work that goes over them many times."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from curator.encoders import EncoderSpec
from curator.errors import CuratorError
from curator.jobs._reading import read_folder
from curator.jobs.progress import Progress
from curator.jobs.state import State

Images = npt.NDArray[np.uint8]
_AT_ONCE = 64  # images decoded together; a few times as many are in memory


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
        for batch in read_folder(state.workspace.images, [row.path for row in rows], spec, _AT_ONCE):
            for image in batch:  # one that is lost could be read when it was embedded: `embed` will tell
                readable[image.image_id] = image.pixels is not None
                pixels = np.zeros(shape[1:], np.uint8) if image.pixels is None else image.pixels
                file.write(pixels.tobytes())
                progress("read", image.image_id + 1, len(rows))
    if not readable.any():
        raise CuratorError(
            f"none of the images in {state.workspace.images} can be read any more: is it there?"
        )
    return np.load(path, mmap_mode="r", allow_pickle=False), readable
