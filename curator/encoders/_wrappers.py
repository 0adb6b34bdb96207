"""What is put around a network: another pooling of its tokens, a mean over views, whitening."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from curator.errors import CuratorError

_CROP = 7 / 8  # side of a crop, as a share of the image's


class Views(nn.Module):
    """The mean of a network's unit features over views of each image: [b, 3, s, s] to [b, dim]."""

    def __init__(self, network: nn.Module, views: str) -> None:
        super().__init__()
        self.network = network
        self.views = views

    def forward(self, images: Tensor) -> Tensor:
        """Features [b, dim]: "flip" looks at image and mirror image, "crops" at both in five crops each."""
        seen = list(_crops(images)) if self.views == "crops" else [images]
        seen += [view.flip(3) for view in seen]
        features = [functional.normalize(self.network(view), dim=1) for view in seen]
        return torch.stack(features).mean(0)


def _crops(images: Tensor) -> Iterator[Tensor]:
    """The four corners and the centre, each resized to the whole image's side."""
    side = images.shape[3]
    kept = max(1, round(_CROP * side))
    rest = side - kept
    for top, left in ((0, 0), (0, rest), (rest, 0), (rest, rest), (rest // 2, rest // 2)):
        part = images[:, :, top : top + kept, left : left + kept]
        yield functional.interpolate(part, size=(side, side), mode="bicubic", align_corners=False)


class Lowered(nn.Module):
    """A network computed in bfloat16, several times quicker on processors and cards made for it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.to(torch.bfloat16)

    def forward(self, images: Tensor) -> Tensor:
        """Features float32 [b, dim]."""
        features: Tensor = self.network(images.to(torch.bfloat16))
        return features.float()


class Pooled(nn.Module):
    """A vision transformer's tokens pooled otherwise than by its own choice: [b, 3, s, s] to [b, dim].

    "class" takes the class token, "patch" the mean of the patch tokens, "both" one after the other, which is
    what DINOv2's linear probes look at. Raises `CuratorError` for a network that has no such tokens.
    """

    def __init__(self, network: nn.Module, pooling: str, name: str) -> None:
        super().__init__()
        self.network = network
        self.pooling = pooling
        self.prefix = _prefix_tokens(network)
        if self.prefix is None or (self.prefix == 0 and pooling != "patch"):
            lacks = "tokens" if self.prefix is None else "class token"
            raise CuratorError(
                f"encoder {name} has no {lacks} to pool by --pooling {pooling}: leave the option out"
            )

    def forward(self, images: Tensor) -> Tensor:
        """Features [b, dim]; of "both", [b, 2 dim]."""
        tokens = _tokens(self.network, images)  # [b, prefix + patches, dim]
        parts = {"class": tokens[:, 0], "patch": tokens[:, self.prefix :].mean(1)}
        wanted = ("class", "patch") if self.pooling == "both" else (self.pooling,)
        return torch.cat([parts[part] for part in wanted], dim=1)


def _prefix_tokens(network: Any) -> int | None:
    """How many tokens come before the patches', the class token first; None where there are no tokens."""
    if hasattr(network, "class_token") and hasattr(network, "_process_input"):  # torchvision
        return 1
    if hasattr(network, "forward_features") and hasattr(network, "num_prefix_tokens"):  # timm
        has_class = getattr(network, "cls_token", None) is not None
        return int(network.num_prefix_tokens) if has_class or not network.num_prefix_tokens else None
    return None


def _tokens(network: Any, images: Tensor) -> Tensor:
    """All tokens after the last normalisation, [b, tokens, dim]."""
    if hasattr(network, "forward_features"):
        tokens: Tensor = network.forward_features(images)
        return tokens
    # torchvision has no name for this: its VisionTransformer.forward up to the choice of the class token.
    patches = network._process_input(images)
    first = network.class_token.expand(len(images), -1, -1)
    encoded: Tensor = network.encoder(torch.cat([first, patches], dim=1))
    return encoded


class Whitened(nn.Module):
    """Principal components of a network's unit features, made equally wide: [b, 3, s, s] to [b, dim]."""

    center: Tensor
    projection: Tensor

    def __init__(self, network: nn.Module, center: Tensor, projection: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("center", center)  # [d]
        self.register_buffer("projection", projection)  # [d, dim]

    def forward(self, images: Tensor) -> Tensor:
        """Features [b, dim], not of unit length."""
        features: Tensor = (functional.normalize(self.network(images), dim=1) - self.center) @ self.projection
        return features
