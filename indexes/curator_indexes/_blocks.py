"""Work done over fixed blocks of rows by a few threads.

The blocks do not depend on the number of threads, and each thread computes alone (one OpenMP thread): so
neither do the bits of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

from curator_indexes.runtime import limit_faiss_to_this_thread, usable_cpus

Result = TypeVar("Result")
Span = tuple[int, int]
Progress = Callable[[int, int], None]
"""Called with (rows done, rows in all) from the calling thread."""


class MapBlocks(Protocol):
    """Has work on spans of rows done elsewhere: by other processes, on other machines."""

    def __call__(self, work: Callable[[int, int], Result], spans: Iterable[Span]) -> Iterator[Result]:
        """`work(low, high)` of each span, in order. `work` can be pickled, and names files by their paths."""


def for_each_block(
    work: Callable[[int, int], None], total: int, size: int, progress: Progress | None = None
) -> None:
    """Call `work(low, high)` for blocks of at most `size` of `total` rows, on `usable_cpus` threads."""
    spans = [(low, min(low + size, total)) for low in range(0, total, size)]
    if not spans:
        return
    with ThreadPoolExecutor(min(usable_cpus(), len(spans)), initializer=limit_faiss_to_this_thread) as pool:
        # Leaving this loop by an error or Ctrl-C cancels the blocks that have not started.
        for (_, high), _ in zip(spans, pool.map(lambda span: work(*span), spans), strict=True):
            if progress is not None:
                progress(high, total)


@contextmanager
def block_pool(total: int, size: int) -> Iterator[Callable[[Callable[[int, int], None]], None]]:
    """A function that calls `work(low, high)` for each block, with threads that live until the end.

    For work that calls no FAISS, many times over; a single block is worked on in the calling thread.
    """
    spans = [(low, min(low + size, total)) for low in range(0, total, size)]

    def here(work: Callable[[int, int], None]) -> None:
        for span in spans:
            work(*span)

    if len(spans) < 2:
        yield here
        return
    with ThreadPoolExecutor(min(usable_cpus(), len(spans))) as pool:

        def in_threads(work: Callable[[int, int], None]) -> None:
            for _ in pool.map(lambda span: work(*span), spans):
                pass

        yield in_threads


def in_one_thread(work: Callable[[], None]) -> None:
    """Call `work` in a thread in which FAISS computes alone."""
    for_each_block(lambda low, high: work(), 1, 1)
