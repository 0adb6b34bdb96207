"""A ResNet-18 for small images: a 3 x 3 stem without pooling (He et al. 2016)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors.torch
import torch.nn.functional as functional
from torch import Tensor, nn

from curator.encoders._network import write_weights
from curator.errors import CuratorError

DESCRIPTION = "curator-residual"  # the entry of a weights file's metadata that describes the network
MEAN = (0.5, 0.5, 0.5)
STD = (0.25, 0.25, 0.25)


@dataclass(frozen=True)
class ResidualConfig:
    """Shape of the network, and the side of its images in pixels."""

    side: int = 32
    width: int = 64  # channels of the first stage; each further stage has twice as many, and half the side
    blocks: tuple[int, ...] = (2, 2, 2, 2)


class _Block(nn.Module):
    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        same = stride == 1 and before == after
        self.skip = nn.Identity() if same else nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        inner = functional.relu(self.norm1(self.conv1(maps)))
        return functional.relu(self.norm2(self.conv2(inner)) + self.skip(maps))


class ResidualNet(nn.Module):
    """Features of normalised images: [b, 3, s, s] to [b, dim]."""

    def __init__(self, config: ResidualConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ResidualConfig()
        widths = [config.width * 2**stage for stage in range(len(config.blocks))]
        self.dim = widths[-1]
        self.stem = nn.Sequential(
            nn.Conv2d(3, config.width, 3, padding=1, bias=False), nn.BatchNorm2d(config.width), nn.ReLU()
        )
        blocks, before = [], config.width
        for stage, (width, count) in enumerate(zip(widths, config.blocks, strict=True)):
            for number in range(count):
                blocks.append(_Block(before, width, 2 if stage and not number else 1))
                before = width
        self.blocks = nn.Sequential(*blocks)

    def forward(self, images: Tensor) -> Tensor:
        """Mean over the last maps, [b, dim]."""
        maps: Tensor = self.blocks(self.stem(images))
        return maps.mean((2, 3))


def save_residual(network: ResidualNet, path: Path, facts: dict[str, str]) -> None:
    """Write the weights, with the configuration and `facts` (data, method) beside them."""
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    write_weights(path, weights, DESCRIPTION, {"network": asdict(network.config), "trained": facts})


def load_residual(path: Path) -> ResidualNet | None:
    """Read what `save_residual` wrote, in eval mode; None for another file, an error for a damaged one."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            told = (file.metadata() or {}).get(DESCRIPTION)
        if told is None:
            return None
        shape = json.loads(told)["network"]
        network = ResidualNet(ResidualConfig(**{**shape, "blocks": tuple(shape["blocks"])}))
        network.load_state_dict(safetensors.torch.load_file(path))
    except (safetensors.SafetensorError, OSError) as error:
        raise CuratorError(f"{path} is not a whole safetensors file ({error}): fetch it again") from error
    except (RuntimeError, TypeError, ValueError, KeyError) as error:
        raise CuratorError(f"the weights in {path} do not fit their own description: {error}") from error
    return network.eval()
