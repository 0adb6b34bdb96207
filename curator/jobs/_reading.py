"""Files to pixels, ahead of the network: a thread pool decodes the next batches while one is embedded."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curator.encoders import EncoderSpec
from curator.images import UnreadableImageError, read_image, remote
from curator.store.catalog import pages
from curator.store.workspace import Workspace
from curator_indexes.runtime import usable_cpus

BATCHES_AHEAD = 2  # decoded batches that may wait in memory


@dataclass(frozen=True)
class ReadImage:
    """One image as read: pixels uint8 [s, s, 3] and content hash, or the reason why there are none."""

    image_id: int
    content_hash: str | None = None
    pixels: npt.NDArray[np.uint8] | None = None
    width: int | None = None
    height: int | None = None
    reason: str | None = None
    message: str | None = None


def batches_to_read(workspace: Workspace, encoder_id: int, size: int) -> Iterator[list[tuple[int, str]]]:
    """Yield (id, path) of all images without a vector, in path order, in batches of `size`.

    Batches are cut by position among those images, readable or not: an interrupted run that goes
    on sees the same batches as an undisturbed one.
    """
    after = ""
    while batch := workspace.catalog.to_read(encoder_id, after, size):
        yield batch
        after = batch[-1][1]


def read_folder(
    folder: Path, paths: Iterable[str], spec: EncoderSpec, batch_size: int
) -> Iterator[list[ReadImage]]:
    """Yield the images at these paths of any folder, numbered from 0, in batches."""
    return read_ahead(folder, pages(enumerate(paths), batch_size), spec)


def read_ahead(
    folder: Path, batches: Iterable[Sequence[tuple[int, str]]], spec: EncoderSpec
) -> Iterator[list[ReadImage]]:
    """Yield the batches of (id, path) as read, the next ones being read meanwhile."""
    waiting: deque[list[Future[ReadImage]]] = deque()
    readers = usable_cpus() if folder.suffix != remote.EXTENSION else remote.READERS
    with ThreadPoolExecutor(readers) as pool:
        try:
            for batch in batches:
                waiting.append([pool.submit(read_one, folder, *item, spec) for item in batch])
                if len(waiting) > BATCHES_AHEAD:
                    yield [future.result() for future in waiting.popleft()]
            while waiting:
                yield [future.result() for future in waiting.popleft()]
        finally:
            pool.shutdown(cancel_futures=True)


def content_hash(data: bytes) -> str:
    """Identify a file's content: the first 128 bits of its SHA-256, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()[:32]


def read_one(folder: Path, image_id: int, path: str, spec: EncoderSpec) -> ReadImage:
    """Read and decode one image, or say why that is not possible."""
    try:
        data = read_image(folder / path)
        decoded = spec.decode(data)
    except UnreadableImageError as error:
        return ReadImage(image_id, reason=error.reason, message=error.message)
    return ReadImage(image_id, content_hash(data), decoded.pixels, decoded.width, decoded.height)
