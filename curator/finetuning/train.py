"""The training loop: given labels, propagated labels, and agreement between two views of an image."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from curator.encoders._adapted import trained
from curator.finetuning.config import FinetuneConfig
from curator.finetuning.weights import Targets, class_balance, sampling_weights

Report = Callable[[int, int, float], None]
"""Called after a step with its number, how many there are, and the loss."""


class Views(Protocol):
    """The inputs of the network for some images, twice over: a weak view [b, ...] and a strong one."""

    def weak(self, rows: Tensor) -> Tensor:
        """The images hardly changed."""

    def strong(self, rows: Tensor) -> Tensor:
        """The images so much changed that only their class stays."""


@dataclass
class _Guide:
    """The teacher's opinion as a target: class shares put right, and sure enough to be followed.

    Shares are aligned with those of the propagated labels (ReMixMatch), and the threshold is the running
    mean of the teacher's own confidence (FreeMatch, Wang et al., ICLR 2023, eq. 5).
    """

    prior: Tensor  # [C]
    shares: Tensor  # [C]
    threshold: float
    momentum: float

    def __call__(self, soft: Tensor, opinion: Tensor, bootstrap: float) -> tuple[Tensor, Tensor]:
        """Targets [b, C] from propagated labels and the teacher's [b, C] each, and which to follow [b]."""
        self.shares = torch.lerp(opinion.mean(0), self.shares, self.momentum)
        aligned = functional.normalize(opinion * self.prior / self.shares.clamp(min=1e-4), p=1, dim=1)
        targets = torch.lerp(aligned, soft, bootstrap)
        sure = targets.amax(1)
        self.threshold += (1 - self.momentum) * (float(sure.mean()) - self.threshold)
        return targets, sure >= self.threshold


def train(
    network: nn.Module,
    views: Views,
    targets: Targets,
    config: FinetuneConfig,
    report: Report = lambda _step, _steps, _loss: None,
) -> None:
    """Fine-tune `network` (views to class scores [b, C]) in place; it ends as the average of its last steps.

    FixMatch (Sohn et al., 2020) with FreeMatch's threshold: the teacher says what a weak view shows, the
    student must say so of a strong one. At first the propagated labels take the teacher's place, and give
    way to it (AS3L). Nothing else moves: normalisation keeps its statistics. Same seed, same weights.
    """
    device = next(network.parameters()).device
    teacher = copy.deepcopy(network).requires_grad_(False)
    pairs = [(teacher.get_parameter(name), weights) for name, weights in trained(network)]
    optimizer, generator = _optimizer(network, config), Generator().manual_seed(config.seed)
    labels, soft, confidence, odds, balance = _tensors(targets, config)
    guide = _Guide(soft.mean(0), soft.mean(0), 1 / targets.n_classes, config.momentum)
    steps, labelled, batch = _sizes(config)
    for step in range(steps):
        given = torch.multinomial(odds, labelled, replacement=True, generator=generator)  # [l]
        rows = torch.randint(len(labels), (batch,), generator=generator)  # [b]
        bootstrap = max(0.0, 1 - step / (config.bootstrap * steps))
        with torch.no_grad():
            opinion = functional.softmax(teacher(views.weak(rows)), dim=1).cpu()  # [b, C]
        wanted, followed = guide(soft[rows], opinion, bootstrap)
        weight = followed * balance[rows] * torch.lerp(torch.ones(batch), confidence[rows], bootstrap)
        inputs = torch.cat([views.weak(given), views.strong(given), views.strong(rows)])
        taught, shown = network(inputs).split([2 * labelled, batch])  # [2 l, C], [b, C]
        supervised = functional.cross_entropy(taught, labels[given].repeat(2).to(device))
        surprise = -(wanted.to(device) * functional.log_softmax(shown, dim=1)).sum(1)  # [b]
        loss = supervised + (weight.to(device) * surprise).mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        _set_rate(optimizer, step, steps, config)
        optimizer.step()
        _follow(pairs, min(config.average, (1 + step) / (10 + step)))
        report(step + 1, steps, float(loss.detach()))
    _end_as_teacher(pairs)


@torch.no_grad()
def start_head(head: nn.Linear, embeddings: NDArray[np.floating], targets: Targets) -> None:
    """Set the head to the directions in which the propagated classes' means lie [C, d]."""
    unit = torch.from_numpy(np.asarray(embeddings, np.float32))
    weights = torch.from_numpy(targets.soft * targets.confidence[:, None])
    head.weight.copy_(functional.normalize(weights.T @ (unit - unit.mean(0)), dim=1))


def _tensors(targets: Targets, config: FinetuneConfig) -> tuple[Tensor, ...]:
    arrays = (
        targets.labels,
        targets.soft,
        targets.confidence,
        sampling_weights(targets),
        class_balance(targets, config.balance),
    )
    return tuple(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)


def _sizes(config: FinetuneConfig) -> tuple[int, int, int]:
    """Steps, given labels a step, images a step."""
    if config.keeps_features:
        return config.steps, config.labelled_batch, config.batch
    return config.network_steps, config.network_labelled_batch, config.network_batch


def _optimizer(network: nn.Module, config: FinetuneConfig) -> torch.optim.Optimizer:
    body = [weights for name, weights in trained(network) if name.startswith("body.")]
    top = [weights for name, weights in trained(network) if not name.startswith("body.")]
    groups = [{"params": top, "peak": config.learning_rate}, {"params": body, "peak": config.network_rate}]
    return torch.optim.AdamW([group for group in groups if group["params"]], weight_decay=config.weight_decay)


def _set_rate(optimizer: torch.optim.Optimizer, step: int, steps: int, config: FinetuneConfig) -> None:
    """Warm up, then FixMatch's cosine, which ends at a fifth of the peak."""
    share = min(1.0, (step + 1) / (config.warmup * steps)) * math.cos(7 * math.pi * step / (16 * steps))
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * share


@torch.no_grad()
def _follow(pairs: list[tuple[nn.Parameter, nn.Parameter]], average: float) -> None:
    for slow, fast in pairs:
        slow.lerp_(fast, 1 - average)


@torch.no_grad()
def _end_as_teacher(pairs: list[tuple[nn.Parameter, nn.Parameter]]) -> None:
    for slow, fast in pairs:
        fast.copy_(slow)
