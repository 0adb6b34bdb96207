"""What a report is written from: plain values, each there or with the reason why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from curator.queries import ExpectedGain

__all__ = [
    "Contents",
    "Duplicates",
    "Encoder",
    "Faults",
    "Findings",
    "LabelIssues",
    "Next",
    "Outliers",
    "Section",
    "Trial",
    "Unmade",
]


@dataclass(frozen=True)
class Section:
    """A part of the report. `body` is HTML, in which every text from elsewhere is escaped."""

    title: str
    body: str


@dataclass(frozen=True)
class Unmade:
    """Something that cannot be said yet: why, and the command that would change it."""

    why: str
    command: str = ""


@dataclass(frozen=True)
class Contents:
    """Which files there are. `sizes`: int [n, 2], width and height of each readable image."""

    folder: str
    images: int
    broken: Sequence[Mapping[str, str]]
    sizes: npt.NDArray[np.int64]
    formats: Mapping[str, int]
    counts: Mapping[str, int]  # images by class
    made_at: str


@dataclass(frozen=True)
class Encoder:
    """What the embeddings were made by; `accuracy` of neighbours where there are labels."""

    name: str
    dim: int
    accuracy: float | None
    graph: str


@dataclass(frozen=True)
class LabelIssues:
    """An audit: the number of wrong labels with its 95 % interval, and the table of `curator audit`.

    `votes`: row by row of the table, how many of the nearest images have each label, the most frequent first.
    """

    labels: int
    suspects: int
    errors: tuple[float, float, float]
    supported: float
    table: pd.DataFrame
    votes: Sequence[Mapping[str, int]]


@dataclass(frozen=True)
class Duplicates:
    """Groups of images that show the same, and the table of `curator duplicates`."""

    groups: int
    exact: int
    near: int
    conflicts: int
    table: pd.DataFrame


@dataclass(frozen=True)
class Outliers:
    """Images far from all others, and the table of `curator outliers`."""

    outliers: int
    table: pd.DataFrame


@dataclass(frozen=True)
class Faults:
    """Faulty pictures by fault, and the table of `curator faults`."""

    faulty: int
    counts: Mapping[str, int]
    table: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Trial:
    """Propagation tried on hidden labels: confidence float [m], and whether it was right, bool [m]."""

    confidence: npt.NDArray[np.float64]
    right: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Next:
    """What to do next, and why."""

    command: str
    reason: str


@dataclass(frozen=True)
class Findings:
    """All that a report says. `picture` gives the JPEG of an image by its path, empty where it is gone."""

    contents: Contents
    encoder: Encoder | Unmade
    issues: LabelIssues | Unmade
    duplicates: Duplicates | Unmade
    outliers: Outliers | Unmade
    faults: Faults | Unmade
    gain: ExpectedGain | Unmade
    trial: Trial | Unmade
    map_png: bytes | Unmade
    next: Next
    picture: Callable[[str], bytes]
