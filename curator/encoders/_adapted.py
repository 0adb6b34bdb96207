"""What a fine-tune adds to a network: an adapter on its features, a head on the embedding, low-rank updates.

All three begin as nothing: before the first step the embeddings are those of the network itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.nn.utils import parametrize

from curator.encoders._network import CompactNet
from curator.errors import CuratorError

_COMPACT_PARTS = {"last-block": ("center", "projection"), "all": ("center", "projection", "table")}


class Top(nn.Module):
    """Features [b, d] to embeddings [b, d], and on to class scores [b, C]."""

    def __init__(self, dim: int, classes: int, temperature: float) -> None:
        super().__init__()
        self.adapter = nn.Linear(dim, dim)
        self.head = nn.Linear(dim, classes, bias=False)
        self.temperature = temperature
        for weights in self.parameters():
            nn.init.zeros_(weights)

    def embed(self, features: Tensor) -> Tensor:
        """Embeddings [b, d], not of unit length: the features' direction and what the adapter adds to it."""
        unit = functional.normalize(features, dim=1)
        embedding: Tensor = unit + self.adapter(unit)
        return embedding

    def forward(self, features: Tensor) -> Tensor:
        """Class scores [b, C], whose softmax is the probabilities."""
        scores: Tensor = self.head(functional.normalize(self.embed(features), dim=1))
        return scores / self.temperature


class AdaptedNet(nn.Module):
    """A network with such a top: images [b, 3, s, s] to embeddings [b, d]."""

    def __init__(self, body: nn.Module, top: Top, classes: Sequence[str]) -> None:
        super().__init__()
        self.body = body
        self.top = top
        self.classes = classes

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings [b, d], not of unit length."""
        return self.top.embed(self.body(images))


class Scored(nn.Module):
    """The same network and top, on to class scores: images [b, 3, s, s] to [b, C]."""

    def __init__(self, network: AdaptedNet) -> None:
        super().__init__()
        self.body = network.body
        self.top = network.top

    def forward(self, images: Tensor) -> Tensor:
        """Class scores [b, C]."""
        scores: Tensor = self.top(self.body(images))
        return scores


class LowRank(nn.Module):
    """An update of rank r to a matrix of weights (LoRA: Hu et al. 2021, arXiv 2106.09685, section 4.1)."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        rows, columns = weight.shape
        rank = min(rank, rows, columns)
        self.down = nn.Parameter(torch.randn(rank, columns) / math.sqrt(columns))
        self.up = nn.Parameter(torch.zeros(rows, rank))

    def forward(self, weight: Tensor) -> Tensor:
        """The weights with their update, [rows, columns]."""
        return weight + self.up @ self.down


def make_trainable(body: nn.Module, part: str, rank: int) -> None:
    """Let `part` of the network learn ("head": none of it, "last-block", "lora", "all"), and nothing else.

    Raises `CuratorError` where the network has nothing of the kind to learn.
    """
    body.requires_grad_(False)
    if part != "head" and not _has_weights_to_train(body):
        raise CuratorError(f"this encoder has no weights for --train {part}: use --train head")
    if isinstance(body, CompactNet) and part in _COMPACT_PARTS:
        for name in _COMPACT_PARTS[part]:  # its weights are buffers: no gradient made them
            value = body._buffers.pop(name)
            body.register_parameter(name, nn.Parameter(torch.as_tensor(value).clone()))
    elif part == "lora":
        _add_low_rank(body, rank)
    elif part != "head":
        for module in [body] if part == "all" else last_block(body):
            module.requires_grad_(True)


def _has_weights_to_train(body: nn.Module) -> bool:
    return isinstance(body, CompactNet) or any(True for _ in body.parameters())


def _add_low_rank(body: nn.Module, rank: int) -> None:
    layers = [module for module in body.modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise CuratorError("this encoder has no linear layer for --train lora: use --train last-block")
    for layer in layers:
        # A parametrisation, because attention layers read the weights of their linear layers directly.
        parametrize.register_parametrization(layer, "weight", LowRank(layer.weight, rank))


def last_block(module: nn.Module) -> list[nn.Module]:
    """The last of a network's repeated blocks, and what comes after it (most often a normalisation)."""
    children = [child for child in module.children() if any(True for _ in child.parameters())]
    rows = [place for place, child in enumerate(children) if _repeats(child)]
    if rows:
        block = [child for child in children[rows[-1]].children() if any(True for _ in child.parameters())][
            -1
        ]
        return [block, *children[rows[-1] + 1 :]]
    if not children:
        return [module]
    largest = max(children, key=lambda child: sum(weights.numel() for weights in child.parameters()))
    return [*last_block(largest), *children[children.index(largest) + 1 :]]


def _repeats(module: nn.Module) -> bool:
    trained = [child for child in module.children() if any(True for _ in child.parameters())]
    return isinstance(module, nn.Sequential | nn.ModuleList) and len(trained) > 1


def trained(network: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The weights that learn, by name."""
    return ((name, weights) for name, weights in network.named_parameters() if weights.requires_grad)
