"""Train the compact encoder on the workspace's own images; no label is looked at."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curator.encoders._network import INPUT_SIZE
from curator.encoders.encoder import pick_device
from curator.errors import MissingWorkError
from curator.images import UnreadableImageError, decode_image, read_image
from curator.jobs.progress import Progress, silent
from curator.pretraining import PretrainConfig
from curator.pretraining import pretrain as train
from curator.store.runs import recorded
from curator.store.workspace import Workspace
from curator.tables import check_output
from curator_indexes.runtime import usable_cpus

MAX_IMAGES = 100_000  # more add little to filters and dictionary; at 3 kB each these take 300 MB


@dataclass(frozen=True)
class PretrainReport:
    """The weights file that was written, and from how many images."""

    weights: str
    images: int
    dim: int


def pretrain(
    workspace: Workspace,
    output: Path,
    *,
    max_images: int = MAX_IMAGES,
    seed: int = 0,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress = silent,
) -> PretrainReport:
    """Train on a seeded sample of at most `max_images` readable images and write safetensors to `output`."""
    check_output(output, overwrite=overwrite)
    with recorded(workspace.database, "pretrain", {"max_images": max_images, "seed": seed}) as outcome:
        paths = [row.path for row in workspace.catalog.ready()]
        if not paths:
            raise MissingWorkError(f"no image is known here yet: run `{workspace.embed_command}` first")
        if len(paths) > max_images:
            paths = sorted(random.Random(seed).sample(paths, max_images))  # noqa: S311 - a sample, no secret
        pixels = _read_all(workspace.images, paths, progress)
        done = train(
            pixels, output, config=PretrainConfig(seed=seed), device=pick_device(device), report=progress
        )
        report = PretrainReport(str(output), done.images, done.dim)
        outcome |= asdict(report)
    return report


def _read_all(folder: Path, paths: list[str], progress: Progress) -> npt.NDArray[np.uint8]:
    """Pixels uint8 [n, s, s, 3] of the images that can still be read."""
    pixels = np.empty((len(paths), INPUT_SIZE, INPUT_SIZE, 3), np.uint8)
    count = 0
    with ThreadPoolExecutor(usable_cpus()) as pool:
        for done, image in enumerate(pool.map(_read, repeat(folder), paths), 1):
            progress("read", done, len(paths))
            if image is not None:
                pixels[count] = image
                count += 1
    return pixels[:count]


def _read(folder: Path, path: str) -> npt.NDArray[np.uint8] | None:
    try:
        return decode_image(read_image(folder / path), INPUT_SIZE).pixels
    except UnreadableImageError:  # it could be read when it was embedded: `curator embed` will tell
        return None
