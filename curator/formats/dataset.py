"""What the file formats read and write: images with what is known of each; no storage, no science."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curator.tables import LabelLine

Reader = Callable[[Path], list[LabelLine]]
DOUBTS, GRAPH, PLACES = "doubts", "graph", "places"  # what an export works out only where a format shows it


@dataclass(frozen=True)
class Record:
    """One image. "" and None stand for what is not known; `path` is relative to the images, with `/`.

    `error_probability`, `hardness`, `uniqueness` and `representativeness` are in [0, 1]; `rank` and `score`
    are those of the list that chose the image, if one did.
    """

    path: str
    content_hash: str = ""
    width: int = 0
    height: int = 0
    label: str = ""
    annotator: str = ""
    predicted_label: str = ""
    confidence: float | None = None
    hardness: float | None = None
    suggested_label: str = ""
    error_probability: float | None = None
    is_issue: bool = False
    uniqueness: float | None = None
    representativeness: float | None = None
    rank: int | None = None
    score: float | None = None

    @property
    def opinion(self) -> tuple[str, float | None]:
        """What the other images say it is, with a confidence: of a labelled image without its own label."""
        if self.suggested_label:
            return self.suggested_label, None
        return self.predicted_label, self.confidence


@dataclass(frozen=True)
class Dataset:
    """Images in one folder, in the order of the arrays: row i of each is record i.

    `neighbors` int [n, k] and `similarities` float32 [n, k] are the kNN graph, `places` float32 [n, 2] a map;
    without rows where they were not asked for.
    """

    images: Path
    classes: Sequence[str]
    records: Sequence[Record]
    neighbors: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty((0, 0), np.int32))
    similarities: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    places: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 2), np.float32))

    @property
    def labelled(self) -> list[Record]:
        """The records that have a label."""
        return [record for record in self.records if record.label]


@dataclass(frozen=True)
class Options:
    """How to write: images as `link` "symlink", "hard" or "copy"; `prefix` goes before paths in addresses."""

    link: str = "symlink"
    prefix: str | None = None


Writer = Callable[[Path, Dataset, Options], None]


@dataclass(frozen=True)
class Format:
    """A format and its directions; `FORMATS` has them by name, and tests hold each to what follows.

    `summary` tells of it where people choose one; `entry` is what one of its entries is called in messages.
    `needs` is what `write` shows of DOUBTS, GRAPH and PLACES.

    `read` takes a file or a folder from a stranger, whatever is in it, and raises CuratorError where it does
    not fit. Paths are as they stand there or, of images that lie in the folder itself, relative to it, so
    that they are found where it was embedded. Import looks for a path in the catalog as it stands, then
    without its first folder, its first two and so on: labels meet their images also where those lie
    elsewhere. Not so if `exact`: then paths are relative to the image folder, as ours are. The number of a
    line is that of its entry, from 1, throughout the source; lines of one number are of one image.

    `write` makes a file or, with `writes_folder`, a folder, whole or not at all, and succeeds also where
    there are no labels. Images without a label are left out if `only_labelled`. A folder is made within
    `new_folder`; with `links_images` it holds the images of `dataset.labelled` and no others, by
    `link_image`. Within it a file for each image is written by `Path.write_text`: `_writing.write_text` waits
    for the disk each time. `read` finds each image again by the end of the path that it was given.
    """

    name: str
    summary: str
    read: Reader | None = None
    write: Writer | None = None
    needs: frozenset[str] = frozenset()
    entry: str = "entry"
    exact: bool = False
    writes_folder: bool = False
    links_images: bool = False
    only_labelled: bool = False
