"""What a worker of a cluster does: the functions of the local engine, and what it keeps between them."""

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from curator.encoders import Encoder, EncoderSpec
from curator.errors import CuratorError
from curator.images import decoder_fingerprint
from curator.jobs._engines._contract import Item, Pixels, Vectors, encode, pixels_by_content
from curator.jobs._reading import ReadImage, read_ahead

Result = TypeVar("Result")

_kept: dict[str, Any] = {}  # what this process made for the run that it works for


@dataclass(frozen=True)
class Order:
    """What all tasks of a run are told.

    Attributes:
        run: its name, different from that of any other.
        load: loads the encoder.
        decoder: the fingerprint of the decoder where the command runs.
        encoder: that of the encoder there, decoder included; empty before it is known.

    """

    run: str
    load: Callable[[], Encoder]
    decoder: str
    encoder: str = ""


def describe(order: Order) -> tuple[EncoderSpec, int]:
    """The encoder's spec, and how many images it takes at once."""
    network = _network(order)
    return replace(network.spec), network.batch_size  # a copy: whoever gets it works its fingerprint out


def read(
    order: Order, folder: Path, items: Sequence[Item], spec: EncoderSpec
) -> tuple[list[ReadImage], Pixels]:
    """What became of reading these images, and apart from it, so that they stay here, their pixels."""
    if decoder_fingerprint() != order.decoder:
        raise _differs("image decoder")
    (images,) = read_ahead(folder, [items], spec)
    return [replace(image, pixels=None) for image in images], pixels_by_content(images)


def encode_contents(order: Order, contents: Sequence[str], *parts: Pixels) -> Vectors:
    """The vectors of these contents, whose pixels are in the parts.

    Pixels that were lost with a machine have been read anew: a file may have changed in between.
    """
    network = _network(order)
    if network.fingerprint != order.encoder:
        raise _differs("encoder")
    pixels = {content: one for part in parts for content, one in part.items()}
    if not pixels.keys() >= set(contents):
        raise CuratorError("an image has changed since it was read: run the same command again")
    return encode(network, pixels, contents)


def run_block(key: str, work: Callable[[int, int], Result], low: int, high: int) -> Result:
    """`work(low, high)`, by the copy of `work` that this process keeps, with all that it has opened."""
    return _keep(key, lambda: work)(low, high)


def _network(order: Order) -> Encoder:
    return _keep(order.run, order.load)


def _keep(key: str, make: Callable[[], Result]) -> Result:
    if key not in _kept:
        _kept.clear()
        _kept[key] = make()
    kept: Result = _kept[key]
    return kept


def _differs(what: str) -> CuratorError:
    return CuratorError(
        f"the {what} on {platform.node()} is not that of the machine where the command runs: "
        "install the same versions of curator, torch and Pillow on all machines, and the same weights"
    )
