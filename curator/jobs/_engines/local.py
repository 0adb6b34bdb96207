"""Images read and encoded by the threads of this process."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curator.encoders import Encoder
from curator.jobs._engines._contract import Batch, Item, Load, Pending, encode, pixels_by_content
from curator.jobs._reading import read_ahead
from curator_indexes.runtime import usable_cpus


class LocalEngine:
    """An engine whose batches are encoded by a pool of threads.

    On the CPU the network runs in one thread a batch, and as many batches at once as there are processors: no
    thread waits for another. A GPU takes one batch at a time.
    """

    def __init__(self, network: Encoder, pool: ThreadPoolExecutor) -> None:
        self.spec, self.batch_size = network.spec, network.batch_size
        self.lanes = lanes(network)
        self._network, self._pool = network, pool

    @property
    def facts(self) -> dict[str, Any]:
        """Nothing is worth telling of this machine."""
        return {}

    @property
    def map_blocks(self) -> None:
        """Blocks of the graph are worked on here."""

    def read(self, folder: Path, batches: Iterable[Sequence[Item]]) -> Iterator[Batch]:
        """Read the batches in order, some ahead of the one that is asked for."""
        for images in read_ahead(folder, batches, self.spec):
            yield Batch(images, pixels_by_content(images))

    def encode(self, batch: Batch, contents: Sequence[str]) -> Pending:
        """Begin to encode these of the batch's contents."""
        return self._pool.submit(encode, self._network, batch.pixels, contents)


@contextmanager
def local_engine(load: Load, device: str) -> Iterator[LocalEngine]:
    """An engine in this process; what it has not begun when the block ends is left."""
    network = load(device)
    pool = ThreadPoolExecutor(lanes(network))
    try:
        yield LocalEngine(network, pool)
    finally:
        pool.shutdown(cancel_futures=True)


def lanes(network: Encoder) -> int:
    """How many batches are encoded side by side."""
    return usable_cpus() if network.device == "cpu" else 1
