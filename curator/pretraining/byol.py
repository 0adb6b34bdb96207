"""Gradient training without labels: BYOL on several views (Grill et al. 2020, arXiv 2006.07733).

Every view predicts the mean of what the slow average makes of the others, as FastSiam does
(Pototzky et al. 2022): with four views a step is worth more than twice one with two.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from curator.encoders._residual import MEAN, STD, ResidualConfig, ResidualNet, save_residual
from curator.errors import CuratorError
from curator.neighbors import leave_one_out_accuracy
from curator.pretraining._learner import (
    Learner,
    identity,
    optimizer_of,
    rate_at,
    save_checkpoint,
    take_up,
)
from curator.pretraining.config import ByolConfig
from curator.pretraining.train import Pretrained
from curator.pretraining.views import random_view

JUDGED = 2000  # labelled images, at most, on which accuracy among neighbours is measured


@dataclass(frozen=True)
class Epoch:
    """How a run stands: epochs done of all, mean loss, accuracy among neighbours where it was measured."""

    number: int
    total: int
    loss: float
    knn_accuracy: float | None


Tell = Callable[[Epoch], None]


def pretrain_byol(
    images: NDArray[np.uint8],
    output: Path,
    *,
    config: ByolConfig | None = None,
    network: ResidualConfig | None = None,
    labels: NDArray[np.int64] | None = None,
    device: str = "cpu",
    tell: Tell = lambda _epoch: None,
) -> Pretrained:
    """Train a residual network on images uint8 [n, s, s, 3]; write it to `output`.

    Every few epochs a checkpoint is written beside `output` and, with `labels` int [n] (-1 where there is
    none), the accuracy among neighbours is measured. A run that is interrupted and called again goes on from
    there, to the same bytes on the same machine. Raises `CuratorError` for fewer than two images, for a
    checkpoint of another run, and for a loss that is not finite.
    """
    config, network = config or ByolConfig(), network or ResidualConfig()
    if len(images) < 2:
        raise CuratorError(f"{len(images)} images are too few to train on: give at least 2")
    torch.manual_seed(config.seed)
    learner = Learner(ResidualNet(network), config).to(device).to(memory_format=torch.channels_last)
    optimizer, run = optimizer_of(learner, config), identity(images, config, network)
    checkpoint = checkpoint_of(output)
    losses = take_up(checkpoint, learner, optimizer, run) if checkpoint.exists() else []
    pixels = torch.from_numpy(images).to(device)
    forward = torch.compile(learner) if device == "cuda" else learner
    best = Best(config.patience)
    for epoch in range(len(losses), config.epochs):
        losses.append(_epoch(learner, forward, optimizer, pixels, epoch, config))
        if not math.isfinite(losses[-1]):
            raise CuratorError(
                f"the loss is {losses[-1]} after epoch {epoch + 1}: train on other images, or report it"
            )
        measured = (epoch + 1) % config.check_every == 0 or epoch + 1 == config.epochs
        accuracy = judged(learner.averaged, pixels, labels) if measured and labels is not None else None
        tell(Epoch(epoch + 1, config.epochs, losses[-1], accuracy))
        if measured:
            save_checkpoint(checkpoint, learner, optimizer, run, losses)
        if best.passed(epoch, accuracy):
            break
    facts = {"method": "BYOL (arXiv 2006.07733)", "images": str(len(images)), "epochs": str(len(losses))}
    save_residual(learner.averaged, output, facts | {"settings": json.dumps(dataclasses.asdict(config))})
    checkpoint.unlink(missing_ok=True)
    return Pretrained(output, len(images), learner.averaged.dim)


def checkpoint_of(output: Path) -> Path:
    """Where an unfinished run keeps its state."""
    return output.with_name(f"{output.name}.checkpoint")


class Best:
    """Whether accuracy among neighbours has stopped rising; a run that is taken up waits anew."""

    def __init__(self, patience: int | None) -> None:
        self._patience = patience
        self._accuracy = -1.0
        self._epoch = 0

    def passed(self, epoch: int, accuracy: float | None) -> bool:
        """Whether the best epoch lies further back than patience reaches."""
        if accuracy is not None and accuracy > self._accuracy:
            self._accuracy, self._epoch = accuracy, epoch
        return self._patience is not None and accuracy is not None and epoch - self._epoch >= self._patience


def _epoch(
    learner: Learner, forward: Any, optimizer: torch.optim.SGD, pixels: Tensor, epoch: int, config: ByolConfig
) -> float:
    """Go once through the images in random order; returns the mean loss."""
    learner.train()
    generator = Generator().manual_seed(config.seed * 1_000_003 + epoch)
    order = torch.randperm(len(pixels), generator=generator)
    size = min(config.batch_size, len(pixels))
    steps = len(pixels) // size  # a smaller last batch would upset the batch normalisation
    total = torch.zeros((), device=pixels.device)
    for step in range(steps):
        done = (epoch + step / steps) / config.epochs
        optimizer.param_groups[0]["lr"] = rate_at(done, config)
        rows = order[step * size : (step + 1) * size].to(pixels.device)
        with _autocast(pixels):
            batch = pixels[rows].permute(0, 3, 1, 2).float() / 255  # [b, 3, s, s], channels last
            loss = forward([random_view(batch, generator) for _ in range(config.views)])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), config.clip)
        optimizer.step()
        learner.follow(1 - (1 - config.slow) * (math.cos(math.pi * done) + 1) / 2)
        total += loss.detach()
    return float(total) / steps


def _autocast(pixels: Tensor) -> Any:
    """bfloat16 where the hardware was made for it."""
    return torch.autocast("cuda", torch.bfloat16) if pixels.is_cuda else nullcontext()


def judged(network: ResidualNet, pixels: Tensor, labels: NDArray[np.int64]) -> float | None:
    """Accuracy among neighbours on a sample of the labelled images; None with fewer than two classes."""
    rows = np.flatnonzero(labels >= 0)
    rows = np.sort(np.random.default_rng(0).permutation(rows)[:JUDGED])
    if len(np.unique(labels[rows])) < 2:
        return None
    mean, std = (pixels.new_tensor(values, dtype=torch.float32).view(3, 1, 1) for values in (MEAN, STD))
    network.eval()
    with torch.inference_mode():
        features = [
            network((pixels[part].permute(0, 3, 1, 2).float() / 255 - mean) / std).float().cpu()
            for part in torch.split(torch.from_numpy(rows).to(pixels.device), 128)
        ]
    return leave_one_out_accuracy(torch.cat(features).numpy(), labels[rows])
