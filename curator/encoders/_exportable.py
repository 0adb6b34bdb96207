"""Networks in operations that ONNX knows."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.nn.utils import parametrize

from curator.encoders._network import CONTRAST, INPUT_SIZE, CompactNet
from curator.encoders._onnx_network import OnnxNetwork
from curator.encoders.finetuned import Head
from curator.encoders.spec import EncoderSpec
from curator.errors import CuratorError


class Exportable(nn.Module):
    """Pixels float32 [b, 3, s, s] in [0, 1] to unit embeddings [b, d] and, by a head, shares [b, C]."""

    pixel_mean: Tensor
    pixel_std: Tensor
    class_weights: Tensor

    def __init__(self, network: nn.Module, spec: EncoderSpec, head: Head | None) -> None:
        super().__init__()
        self.network = _replaced(copy.deepcopy(network).cpu().eval().requires_grad_(False))
        self.has_head = head is not None
        self.register_buffer("pixel_mean", torch.tensor(spec.mean).view(3, 1, 1))
        self.register_buffer("pixel_std", torch.tensor(spec.std).view(3, 1, 1))
        if head is not None:
            self.register_buffer("class_weights", torch.from_numpy(head.weights / head.temperature))

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """The outputs, one or two."""
        embedding = functional.normalize(self.network((pixels - self.pixel_mean) / self.pixel_std), dim=1)
        if not self.has_head:
            return (embedding,)
        return embedding, functional.softmax(embedding @ self.class_weights.T, dim=1)


class _ExportableCompact(CompactNet):
    """The compact network without loops over blocks, which hold a batch's size fast."""

    pooling: Tensor

    def words(self, images: Tensor) -> Tensor:
        maps = functional.conv2d(images, self.filters, stride=self.config.stride)  # [b, channels, h', w']
        patches = maps.permute(0, 2, 3, 1)  # [b, h', w', channels]
        nearest = (patches @ self.dictionary).argmax(3)
        return torch.where(patches.norm(dim=3) < CONTRAST, self.config.words, nearest)

    def parts(self, maps: Tensor) -> Tensor:
        means = self.pooling  # [grid, h"] and, images being square, [grid, w"]
        return torch.einsum("gh,bphw,kw->bpgk", means, maps, means)


def _pooling(side: int, grid: int) -> Tensor:
    """`adaptive_avg_pool` along one axis as a matrix [grid, side]: ONNX has no such operation."""
    return functional.adaptive_avg_pool1d(torch.eye(side)[None], grid)[0].T.contiguous()


def _replaced(network: nn.Module) -> nn.Module:
    for module in list(network.modules()):
        if isinstance(module, CompactNet):
            module.__class__ = _ExportableCompact
            shape = module.config
            side = (INPUT_SIZE - shape.patch) // shape.stride + 1  # patches
            side = (side - min(shape.window, side)) // shape.step + 1  # neighbourhoods
            module.register_buffer("pooling", _pooling(side, shape.grid))
        elif isinstance(module, OnnxNetwork):
            raise CuratorError(
                "the network is an ONNX file already and cannot be written anew: copy that file"
            )
        elif parametrize.is_parametrized(module):  # low-rank updates become part of the weights
            parametrize.remove_parametrizations(module, "weight")
    return network
