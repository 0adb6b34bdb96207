"""From unlabelled images to the compact network's weights, one closed-form stage after the other."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Generator, Tensor

from curator.encoders._network import CONTRAST, CompactNet, NetworkConfig, facing, save_network
from curator.errors import CuratorError
from curator.pretraining.config import PretrainConfig
from curator.pretraining.decomposition import right_singular_vectors
from curator.pretraining.dictionary import spherical_kmeans
from curator.pretraining.manifold import count_words, word_places
from curator.pretraining.patches import sample_patches, whitening
from curator_indexes.runtime import load_torch, usable_cpus

MIN_IMAGES = 2
TINY = 1e-12  # a variance below which there is nothing to level

Report = Callable[[str, int, int], None]
"""Called with the stage's name, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Pretrained:
    """What a training run made: the weights file, from how many images."""

    weights: Path
    images: int
    dim: int


def pretrain(
    images: NDArray[np.uint8],
    output: Path,
    *,
    config: PretrainConfig | None = None,
    network: NetworkConfig | None = None,
    device: str = "cpu",
    report: Report = lambda _stage, _done, _total: None,
) -> Pretrained:
    """Find the compact network's weights from unlabelled images uint8 [n, s, s, 3]; write them to `output`.

    Every stage has a closed form or is a seeded k-means: the same images and seed give the same bytes again
    on one machine. Raises `CuratorError` for fewer than two images, or images without any contrast.
    """
    if len(images) < MIN_IMAGES:
        raise CuratorError(f"{len(images)} images are too few to train on: give at least {MIN_IMAGES}")
    config = config or PretrainConfig()
    model = CompactNet(network).to(device)
    batches = torch.split(torch.from_numpy(images).permute(0, 3, 1, 2), config.batch_size)
    pixels = torch.cat([facing(batch) for batch in batches])  # [n, 3, s, s]
    with torch.inference_mode():
        _fit_words(model, pixels, config, report)
        sample = np.random.default_rng(config.seed).permutation(len(pixels))[: config.sample]
        words = _all_words(model, pixels[np.sort(sample)], config.batch_size, report)
        _fit_table(model, words, config)
        _fit_projection(model, words, config)
    save_network(model, output, _facts(config, len(images)))
    return Pretrained(output, len(images), model.dim)


def _fit_words(model: CompactNet, pixels: Tensor, config: PretrainConfig, report: Report) -> None:
    """Filters that whiten patches, and the dictionary that patches are told apart by."""
    shape, generator = model.config, Generator().manual_seed(config.seed)
    patches = sample_patches(pixels, shape.patch, config.patches, generator)
    matrix = whitening(patches, shape.channels, config.whitening)  # [3 patch patch, channels]
    whitened = patches @ matrix
    whitened = whitened[whitened.norm(dim=1) >= CONTRAST]
    if not len(whitened):
        raise CuratorError("the images are blank: there is nothing to learn from")
    points = functional.normalize(whitened, dim=1).to(model.dictionary.device)
    rounds = config.rounds
    centers = spherical_kmeans(
        points, shape.words, rounds, generator, lambda done: report("dictionary", done, rounds)
    )
    model.filters[:, :] = matrix.T.reshape(-1, 3, shape.patch, shape.patch)
    model.dictionary[:] = centers.T


def _all_words(model: CompactNet, pixels: Tensor, batch_size: int, report: Report) -> NDArray[np.int32]:
    """Words int32 [n, h', w'] of all images."""

    def find(batch: Tensor) -> Tensor:
        return model.words(batch.float() / 255).int()

    parts: list[NDArray[np.int32]] = []
    for words in _side_by_side(find, model, torch.split(pixels, batch_size)):
        parts.append(words.cpu().numpy())
        report("words", sum(map(len, parts)), len(pixels))
    return np.concatenate(parts)


def _side_by_side(
    work: Callable[[Tensor], Tensor], model: CompactNet, batches: Sequence[Tensor]
) -> Iterator[Tensor]:
    """The results of `work` on batches, in order: each computed by one thread, on the model's device."""

    def one(batch: Tensor) -> Tensor:
        load_torch()  # each thread has settings of its own, inference mode among them
        with torch.inference_mode():
            return work(batch.to(model.table.device))

    with ThreadPoolExecutor(usable_cpus()) as pool:
        yield from pool.map(one, batches)


def _fit_table(model: CompactNet, words: NDArray[np.int32], config: PretrainConfig) -> None:
    """A place for every word, blank among them, from which words occur together."""
    counts = count_words(words.reshape(len(words), -1), model.config.words + 1)
    places = word_places(counts, model.config.places, config.passes, np.random.default_rng(config.seed))
    model.table[:] = torch.from_numpy(places)


def _fit_projection(model: CompactNet, words: NDArray[np.int32], config: PretrainConfig) -> None:
    """Principal components of the pooled features, their variances partly levelled."""
    batches = torch.split(torch.from_numpy(words), config.batch_size)
    pooled = functional.normalize(torch.cat(list(_side_by_side(model.pooled, model, batches))), dim=1)
    model.center[:] = pooled.mean(0)  # of [m, grid grid places]
    centered = (pooled - model.center).cpu().numpy()
    rng = np.random.default_rng(config.seed)
    axes = right_singular_vectors(centered, model.dim, config.passes, rng).astype(np.float32)  # [d, <= dim]
    variances = np.square(centered @ axes).mean(0)
    levelled = axes * np.maximum(variances + config.shrinkage * variances[0], TINY) ** -config.power
    model.projection[:, : levelled.shape[1]] = torch.from_numpy(levelled)


def _facts(config: PretrainConfig, count: int) -> dict[str, str]:
    return {
        "method": "sparse manifold transform (arXiv 2209.15261), one word a patch",
        "images": str(count),
        "settings": json.dumps(dataclasses.asdict(config)),
    }
