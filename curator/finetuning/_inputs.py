"""Where the loop's views come from: features kept from before, or pixels on the fly."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from curator.encoders import Encoder
from curator.encoders._adapted import Top
from curator.finetuning.config import FinetuneConfig
from curator.finetuning.train import Views
from curator.finetuning.views import strong_view, weak_view
from curator_indexes.runtime import usable_cpus

_ROWS = 1 << 14  # of features at once
_BATCH = 64  # images through the whole network at once

Images = NDArray[np.uint8]
Watch = Callable[[str, int, int], None]
"""Called with the stage's name, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class KeptFeatures:
    """Features of the images as they are, float16 [n, d], and of strong views [v, n, d]."""

    clean: NDArray[np.float16]
    strong_views: NDArray[np.float16]
    generator: Generator
    device: str

    def weak(self, rows: Tensor) -> Tensor:
        """Features of the images as they are, [b, d]."""
        return self._moved(self.clean[rows.numpy()])

    def strong(self, rows: Tensor) -> Tensor:
        """Features of one of the strong views of each image, [b, d]."""
        view = torch.randint(len(self.strong_views), rows.shape, generator=self.generator)
        return self._moved(self.strong_views[view.numpy(), rows.numpy()])

    def _moved(self, features: NDArray[np.float16]) -> Tensor:
        return torch.from_numpy(features.astype(np.float32)).to(self.device)


@dataclass(frozen=True)
class Pixels:
    """Images uint8 [n, s, s, 3], perhaps on disk, made into views for `encoder` batch by batch."""

    images: NDArray[np.uint8]
    encoder: Encoder
    generator: Generator
    flip: bool

    def weak(self, rows: Tensor) -> Tensor:
        """Normalised images [b, 3, s, s], a little shifted."""
        return self._normal(weak_view(self._images(rows), self.generator, flip=self.flip))

    def strong(self, rows: Tensor) -> Tensor:
        """Normalised images [b, 3, s, s], strongly changed."""
        return self._normal(strong_view(self._images(rows), self.generator, flip=self.flip))

    def _images(self, rows: Tensor) -> Tensor:
        batch = torch.from_numpy(np.array(self.images[rows.numpy()])).to(self.encoder.device)
        return batch.permute(0, 3, 1, 2).float() / 255

    def _normal(self, images: Tensor) -> Tensor:
        mean, std = (torch.tensor(x, device=images.device).view(3, 1, 1) for x in self._moments())
        return (images - mean) / std

    def _moments(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return self.encoder.spec.mean, self.encoder.spec.std


def kept_features(
    encoder: Encoder, images: Images, config: FinetuneConfig, generator: Generator, watch: Watch
) -> KeptFeatures:
    """Features of images uint8 [n, s, s, 3] as they are, and of `config.views` strong views of each."""

    def changed(batch: Images) -> Images:
        floats = torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255
        strong = strong_view(floats, generator, flip=config.flip)
        return (strong * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()

    passes = 1 + config.views
    kept = np.empty((passes, len(images), encoder.spec.dim), np.float16)
    for number in range(passes):

        def told(done: int, before: int = number * len(images)) -> None:
            watch("views", before + done, passes * len(images))

        kept[number] = encoded(encoder, images, told, changed if number else None)
    return KeptFeatures(kept[0], kept[1:], generator, encoder.device)


def encoded(
    encoder: Encoder,
    images: Images,
    told: Callable[[int], None],
    change: Callable[[Images], Images] | None = None,
) -> NDArray[np.float32]:
    """Unit features float32 [n, d] of images uint8 [n, s, s, 3], perhaps on disk, each batch changed first.

    Changes are made in order, one after the other: the same generator gives the same views.
    """
    rows = np.empty((len(images), encoder.spec.dim), np.float32)
    lanes = usable_cpus() if encoder.device == "cpu" else 1
    size = encoder.batch_size * lanes
    with ThreadPoolExecutor(lanes) as pool:
        for start in range(0, len(images), size):
            part = np.array(images[start : start + size])  # a copy: what is mapped may not be written
            cuts = range(0, len(part), encoder.batch_size)
            batches = [part[low : low + encoder.batch_size] for low in cuts]
            if change is not None:  # batch by batch: how many there are at once depends on the machine
                batches = [change(batch) for batch in batches]
            rows[start : start + len(part)] = np.concatenate(list(pool.map(encoder.encode, batches)))
            told(start + len(part))
    return rows


@torch.no_grad()
def embedded(top: Top, features: NDArray[np.float16]) -> NDArray[np.float32]:
    """Unit embeddings float32 [n, d] that a `Top` makes of features [n, d]."""
    parts = []
    for low in range(0, len(features), _ROWS):
        part = torch.from_numpy(features[low : low + _ROWS].astype(np.float32))
        device = next(top.parameters()).device
        parts.append(functional.normalize(top.embed(part.to(device)), dim=1).cpu().numpy())
    rows: NDArray[np.float32] = np.concatenate(parts)
    return rows


@torch.no_grad()
def class_scores(network: nn.Module, views: Views, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Class scores float32 [m, C] of the images at `rows`, in their weak views."""
    parts = [network(views.weak(part)).cpu().numpy() for part in torch.split(torch.from_numpy(rows), _BATCH)]
    scores: NDArray[np.float32] = np.concatenate(parts)
    return scores
