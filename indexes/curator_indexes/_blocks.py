"""Work done over fixed blocks of rows by a few threads.

The blocks do not depend on the number of threads, and each thread computes alone (one OpenMP thread): so
neither do the bits of the result.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from curator_indexes.runtime import limit_faiss_to_this_thread, usable_cpus

Progress = Callable[[int, int], None]
"""Called with (rows done, rows in all) from the calling thread."""


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


def in_one_thread(work: Callable[[], None]) -> None:
    """Call `work` in a thread in which FAISS computes alone."""
    for_each_block(lambda low, high: work(), 1, 1)
