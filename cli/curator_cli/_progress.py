"""Progress bars on stderr, with rate and time left; none where stderr is no terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from curator.jobs.progress import Progress

UNITS = {
    "scan": " files",
    "embed": " images",
    "graph": " rows",
    "read": " images",
    "views": " images",
    "train": " steps",
    "predict": " images",
    "words": " images",
    "dictionary": " rounds",
    "leakage": " images",
    "faults": " images",
    "simulate": " rounds",
}


@contextmanager
def bars() -> Iterator[Progress]:
    """Yield a progress callback that keeps one bar per stage."""
    open_bars: dict[str, tqdm[Any]] = {}

    def advance(stage: str, done: int, total: int) -> None:
        if stage not in open_bars:
            open_bars[stage] = tqdm(
                desc=stage, total=total or None, unit=UNITS.get(stage, ""), disable=None, smoothing=0.1
            )
        bar = open_bars[stage]
        bar.update(done - bar.n)

    try:
        yield advance
    finally:
        for bar in open_bars.values():
            bar.close()
