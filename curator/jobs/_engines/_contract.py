"""What an engine does, and what it is told."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from curator.encoders import Encoder, EncoderSpec
from curator.jobs._reading import ReadImage
from curator_indexes import MapBlocks

Item = tuple[int, str]
"""Id and path of an image."""
Pixels = Mapping[str, npt.NDArray[np.uint8]]
"""Pixels uint8 [s, s, 3] by content hash."""
Vectors = npt.NDArray[np.float16]
Load = Callable[[str], Encoder]
"""Loads the encoder onto a device; on a cluster, on each of its machines."""


@dataclass(frozen=True)
class Batch:
    """Images as read, in order; their pixels are where the engine keeps them."""

    images: Sequence[ReadImage]
    pixels: Any


class Pending(Protocol):
    """Vectors float16 [m, d] that are being worked out."""

    def result(self) -> Vectors:
        """Wait for them; raises what went wrong, naming the images."""


class Engine(Protocol):
    """Reads and encodes batches of images, several at once.

    Attributes:
        spec: of the encoder.
        batch_size: images that the network takes at once.
        lanes: batches that are encoded side by side.

    """

    spec: EncoderSpec
    batch_size: int
    lanes: int

    @property
    def facts(self) -> dict[str, Any]:
        """What a record of the run should know of it: `machines` and `workers` of a cluster."""

    @property
    def map_blocks(self) -> MapBlocks | None:
        """Has blocks of the kNN graph worked on elsewhere; None for here."""

    def read(self, folder: Path, batches: Iterable[Sequence[Item]]) -> Iterator[Batch]:
        """Read the batches in order, some ahead of the one that is asked for."""

    def encode(self, batch: Batch, contents: Sequence[str]) -> Pending:
        """Begin to encode these of the batch's contents."""


def encode(network: Encoder, pixels: Pixels, contents: Sequence[str]) -> Vectors:
    """The vectors float16 [m, d] of these contents; every engine calls this."""
    if not contents:
        return np.empty((0, network.spec.dim), dtype=np.float16)
    return network.encode(np.stack([pixels[content] for content in contents])).astype(np.float16)


def pixels_by_content(images: Sequence[ReadImage]) -> dict[str, npt.NDArray[np.uint8]]:
    """The pixels of what could be read, each content once, in order."""
    found: dict[str, npt.NDArray[np.uint8]] = {}
    for image in images:
        if image.content_hash is not None and image.pixels is not None:
            found.setdefault(image.content_hash, image.pixels)
    return found
