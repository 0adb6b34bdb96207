"""The two networks of BYOL and their loss, and how a run is put on disk and taken up again."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from curator.encoders._residual import MEAN, STD, ResidualConfig, ResidualNet
from curator.errors import CuratorError
from curator.pretraining.config import ByolConfig
from curator_indexes.files import atomic_path

IDENTITY, PROGRESS = "identity", "progress"  # entries of a checkpoint's metadata


class Learner(nn.Module):
    """An online network that predicts, from one view, what its slow average makes of the other views."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: ResidualNet, config: ByolConfig) -> None:
        super().__init__()
        self.online = nn.Sequential(network, _perceptron(network.dim, config))
        self.predictor = _perceptron(config.projected, config)
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1))

    @property
    def averaged(self) -> ResidualNet:
        """The network worth keeping: the slow average, without its projector."""
        network = self.target[0]
        if not isinstance(network, ResidualNet):
            raise TypeError("the first layer of the target is its network")
        return network

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """The loss of views [b, 3, s, s] in [0, 1]: 2 - 2 cosine of each prediction and the others' mean."""
        views = [(view - self.mean) / self.std for view in views]
        with torch.no_grad():
            targets = torch.stack([functional.normalize(self.target(view), dim=1) for view in views])
            others = (targets.sum(0) - targets) / (len(views) - 1)  # [views, b, projected]
        predictions = torch.stack([self.predictor(self.online(view)) for view in views])
        return 2 - 2 * functional.cosine_similarity(predictions, others, dim=2).mean()

    @torch.no_grad()
    def follow(self, momentum: float) -> None:
        """Let the slow average take a step towards the online network."""
        for slow, fast in zip(self.target.parameters(), self.online.parameters(), strict=True):
            slow.lerp_(fast, 1 - momentum)


def _perceptron(inputs: int, config: ByolConfig) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, config.hidden),
        nn.BatchNorm1d(config.hidden),
        nn.ReLU(),
        nn.Linear(config.hidden, config.projected),
    )


def optimizer_of(learner: Learner, config: ByolConfig) -> torch.optim.SGD:
    """Gradient descent with momentum, its buffers there from the start: a checkpoint has them all."""
    learning = [weights for weights in learner.parameters() if weights.requires_grad]
    optimizer = torch.optim.SGD(learning, momentum=config.momentum, weight_decay=config.weight_decay)
    for weights in learning:
        optimizer.state[weights]["momentum_buffer"] = torch.zeros_like(weights)
    return optimizer


def rate_at(done: float, config: ByolConfig) -> float:
    """Learning rate when a share `done` of the run is over: a linear warm-up, then half a cosine."""
    warm = config.warmup_epochs / config.epochs
    if done < warm:
        return config.rate * config.batch_size / 256 * done / warm
    return config.rate * config.batch_size / 256 * (1 + math.cos(math.pi * (done - warm) / (1 - warm))) / 2


def identity(images: NDArray[np.uint8], config: ByolConfig, network: ResidualConfig) -> str:
    """What a checkpoint must agree in to be gone on with: images, settings, shape of the network."""
    settings = json.dumps([asdict(config), asdict(network), images.shape], sort_keys=True)
    return hashlib.sha256(settings.encode() + hashlib.sha256(images.tobytes()).digest()).hexdigest()


def save_checkpoint(
    path: Path, learner: Learner, optimizer: torch.optim.SGD, run: str, losses: Sequence[float]
) -> None:
    """Write all that the next epoch depends on; random numbers depend on seed and step alone."""
    tensors = {f"learner.{name}": value for name, value in learner.state_dict().items()}
    for number, weights in enumerate(optimizer.param_groups[0]["params"]):
        tensors[f"momentum.{number}"] = optimizer.state[weights]["momentum_buffer"]
    kept = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    try:
        with atomic_path(path) as temporary:
            safetensors.torch.save_file(kept, temporary, {IDENTITY: run, PROGRESS: json.dumps(list(losses))})
    except (safetensors.SafetensorError, OSError) as error:
        raise CuratorError(f"cannot write the checkpoint {path}: {error}") from error


def take_up(path: Path, learner: Learner, optimizer: torch.optim.SGD, run: str) -> list[float]:
    """Load a checkpoint of the same run into both; returns the losses of the epochs it has behind it."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            told = file.metadata() or {}
        tensors = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise CuratorError(f"the checkpoint {path} is damaged ({error}): delete it to start anew") from error
    if told.get(IDENTITY) != run:
        raise CuratorError(
            f"the checkpoint {path} is of other images or settings: give those it was made with, or delete "
            "it to start anew"
        )
    mine = {name.removeprefix("learner."): tensors[name] for name in tensors if name.startswith("learner.")}
    learner.load_state_dict(mine)
    for number, weights in enumerate(optimizer.param_groups[0]["params"]):
        optimizer.state[weights]["momentum_buffer"].copy_(tensors[f"momentum.{number}"])
    losses: list[float] = json.loads(told[PROGRESS])
    return losses
