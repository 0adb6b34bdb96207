"""Pixels to vectors: as many batches side by side as there are processors, handed on in order."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curator.encoders import Encoder
from curator.jobs._reading import ReadImage
from curator.store.vectors import VectorFile
from curator_indexes.runtime import usable_cpus

BATCHES_AHEAD = 2  # batches a lane that may be under way or wait to be committed: no lane waits for the disk

Vectors = npt.NDArray[np.float16]


@dataclass(frozen=True)
class EncodedBatch:
    """A batch of images, and the vectors [m, d] of those contents that had none."""

    images: Sequence[ReadImage]
    contents: Sequence[str]
    rows: Vectors


def encoded_batches(
    network: Encoder, vectors: VectorFile, batches: Iterable[Sequence[ReadImage]]
) -> Iterator[EncodedBatch]:
    """Encode each content once; what is yielded must be committed before the next is asked for.

    On the CPU the network runs in one thread a batch: several batches at once keep all processors busy
    without one thread waiting for another. A GPU takes one batch at a time.
    """
    lanes = usable_cpus() if network.device == "cpu" else 1
    under_way: set[str] = set()
    waiting: deque[tuple[Sequence[ReadImage], list[str], Future[Vectors]]] = deque()

    def next_in_order() -> EncodedBatch:
        images, contents, future = waiting.popleft()
        return EncodedBatch(images, contents, future.result())

    with ThreadPoolExecutor(lanes) as pool:
        try:
            for batch in batches:
                fresh = _new_contents(batch, vectors, under_way)
                under_way |= fresh.keys()
                waiting.append((batch, list(fresh), pool.submit(_encode, network, list(fresh.values()))))
                if len(waiting) > BATCHES_AHEAD * lanes:
                    encoded = next_in_order()
                    yield encoded
                    under_way.difference_update(encoded.contents)
            while waiting:
                yield next_in_order()
        finally:
            pool.shutdown(cancel_futures=True)


def _new_contents(
    batch: Sequence[ReadImage], vectors: VectorFile, under_way: Set[str]
) -> dict[str, npt.NDArray[np.uint8]]:
    """Pixels of the contents that need a vector, each once, in path order, by content hash."""
    readable: dict[str, npt.NDArray[np.uint8]] = {}
    for image in batch:
        if image.content_hash is not None and image.pixels is not None:
            readable.setdefault(image.content_hash, image.pixels)
    known = vectors.known(list(readable)) | under_way
    return {content: pixels for content, pixels in readable.items() if content not in known}


def _encode(network: Encoder, images: Sequence[npt.NDArray[np.uint8]]) -> Vectors:
    if not images:
        return np.empty((0, network.spec.dim), dtype=np.float16)
    return network.encode(np.stack(images)).astype(np.float16)
