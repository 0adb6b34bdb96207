"""Train an encoder on the workspace's own images; labels, where there are any, only say how good it is."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from curator.encoders import load_encoder
from curator.encoders._network import INPUT_SIZE
from curator.encoders._residual import ResidualConfig
from curator.encoders.encoder import pick_device
from curator.errors import CuratorError, MissingWorkError
from curator.images import UnreadableImageError, decode_image, read_image
from curator.jobs.progress import Progress, silent
from curator.neighbors import leave_one_out_accuracy
from curator.pretraining import ByolConfig, PretrainConfig, pretrain_byol
from curator.pretraining import pretrain as train
from curator.store.runs import recorded
from curator.store.workspace import Workspace
from curator.tables import check_output
from curator_indexes.runtime import torch_team, usable_cpus

if TYPE_CHECKING:
    from curator.pretraining import Epoch
    from curator.store.catalog import ImageRow

METHODS = ("manifold", "byol")
JUDGED = 2000  # labelled images, at most, on which the outcome is judged
MAX_IMAGES = 100_000  # more add little to filters and dictionary; at 3 kB each these take 300 MB


@dataclass(frozen=True)
class PretrainReport:
    """The weights file that was written, and from how many images.

    `knn_accuracy`: leave-one-out on labelled images, k=20; None where fewer than two classes have labels.
    """

    weights: str
    images: int
    dim: int
    knn_accuracy: float | None


def pretrain(
    workspace: Workspace,
    output: Path,
    *,
    method: str = "manifold",
    byol: ByolConfig | None = None,
    side: int = INPUT_SIZE,
    max_images: int = MAX_IMAGES,
    seed: int = 0,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress = silent,
    tell: "Callable[[Epoch], None]" = lambda _epoch: None,
) -> PretrainReport:
    """Train on a seeded sample of at most `max_images` readable images and write safetensors to `output`.

    "manifold" has a closed form and takes minutes on a CPU; "byol" trains a network for images of `side`
    pixels by gradients, wants a GPU, and goes on from its last checkpoint when it is called again.
    """
    check_output(output, overwrite=overwrite)
    if method not in METHODS:
        raise CuratorError(f"unknown method {method!r}: give one of {', '.join(METHODS)}")
    parameters = {"method": method, "side": side, "max_images": max_images, "seed": seed}
    with recorded(workspace.database, "pretrain", parameters) as outcome:
        rows = _sample(workspace, max_images, seed)
        pixels, read = _read_all(
            workspace.images, [row.path for row in rows], side if method == "byol" else INPUT_SIZE, progress
        )
        labels = workspace.labels.coded(np.array([row.id for row in rows]))[0][read]
        device = pick_device(device)
        if method == "byol":
            settings, shape = replace(byol or ByolConfig(), seed=seed), ResidualConfig(side=side)
            with torch_team():
                done = pretrain_byol(
                    pixels, output, config=settings, network=shape, labels=labels, device=device, tell=tell
                )
        else:
            done = train(pixels, output, config=PretrainConfig(seed=seed), device=device, report=progress)
        report = PretrainReport(str(output), done.images, done.dim, _judged(output, pixels, labels, device))
        outcome |= asdict(report)
    return report


def _sample(workspace: Workspace, max_images: int, seed: int) -> "list[ImageRow]":
    """At most so many images, in path order."""
    rows = list(workspace.catalog.ready())
    if not rows:
        raise MissingWorkError(f"no image is known here yet: run `{workspace.embed_command}` first")
    if len(rows) > max_images:
        rows = sorted(random.Random(seed).sample(rows, max_images), key=lambda row: row.path)  # noqa: S311 - no secret
    return rows


def _judged(
    weights: Path, pixels: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], device: str
) -> float | None:
    """What the labels, if there are enough, say of the encoder as it will be loaded."""
    rows = np.random.default_rng(0).permutation(np.flatnonzero(labels >= 0))[:JUDGED]
    if len(np.unique(labels[rows])) < 2:
        return None
    embeddings = load_encoder(weights=weights, device=device).encode(pixels[rows])
    return leave_one_out_accuracy(embeddings, labels[rows])


def _read_all(
    folder: Path, paths: list[str], side: int, progress: Progress
) -> tuple[npt.NDArray[np.uint8], list[int]]:
    """Pixels uint8 [n, s, s, 3] of the images that can still be read, and which these are."""
    pixels = np.empty((len(paths), side, side, 3), np.uint8)
    read: list[int] = []
    with ThreadPoolExecutor(usable_cpus()) as pool:
        images = pool.map(_read, repeat(folder), paths, repeat(side))
        for number, image in enumerate(images):
            progress("read", number + 1, len(paths))
            if image is not None:
                pixels[len(read)] = image
                read.append(number)
    return pixels[: len(read)], read


def _read(folder: Path, path: str, side: int) -> npt.NDArray[np.uint8] | None:
    try:
        return decode_image(read_image(folder / path), side).pixels
    except UnreadableImageError:  # it could be read when it was embedded: `curator embed` will tell
        return None
