"""Weak and strong augmentation of a batch of images, by one affine grid and a few colour sums."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Generator, Tensor

WEAK_AREA, STRONG_AREA = 0.85, 0.35  # least share of the image that a crop keeps
JITTER = 0.4  # of brightness, contrast and saturation (SimCLR's colours for small images)
GREY = 0.2  # share of strong views without colour
HOLE = 0.5  # side of the square that is blanked (Cutout), as a share of the image's, at most


def weak_view(images: Tensor, generator: Generator, *, flip: bool) -> Tensor:
    """Images float [b, 3, s, s] in [0, 1], a little shifted and zoomed, half of them mirrored."""
    return _cropped(images, WEAK_AREA, generator, flip=flip)


def strong_view(images: Tensor, generator: Generator, *, flip: bool) -> Tensor:
    """Images float [b, 3, s, s] in [0, 1]: a crop, other colours or none, and a square blanked."""
    cropped = _cropped(images, STRONG_AREA, generator, flip=flip)
    return _holed(_coloured(cropped, generator), generator)


def _cropped(images: Tensor, least_area: float, generator: Generator, *, flip: bool) -> Tensor:
    b = len(images)
    area = least_area + (1 - least_area) * _uniform(b, generator=generator)
    side = area.sqrt()
    mirror = torch.where(_uniform(b, generator=generator) < 0.5, -1.0, 1.0) if flip else torch.ones(b)
    grid = torch.zeros(b, 2, 3)  # maps output to input coordinates, both in [-1, 1]
    grid[:, 0, 0], grid[:, 1, 1] = side * mirror, side
    grid[:, :, 2] = (2 * _uniform(b, 2, generator=generator) - 1) * (1 - side)[:, None]
    places = functional.affine_grid(grid.to(images.device), list(images.shape), align_corners=False)
    return functional.grid_sample(images, places, padding_mode="reflection", align_corners=False)


def _coloured(images: Tensor, generator: Generator) -> Tensor:
    b = len(images)
    factors = 1 + JITTER * (2 * _uniform(b, 3, generator=generator) - 1)
    brightness, contrast, saturation = factors.to(images.device)[:, :, None, None, None].unbind(1)
    grey = images.mean(1, keepdim=True)
    kept = torch.where(
        (_uniform(b, generator=generator) < GREY).to(images.device)[:, None, None, None], 0, saturation
    )
    images = grey + kept * (images - grey)
    mean = images.mean((1, 2, 3), keepdim=True)
    return ((mean + contrast * (images - mean)) * brightness).clamp(0, 1)


def _holed(images: Tensor, generator: Generator) -> Tensor:
    b, _, height, width = images.shape
    half = HOLE / 2 * _uniform(b, 1, generator=generator)
    center = _uniform(b, 2, generator=generator)
    rows = (torch.arange(height) + 0.5)[None] / height
    columns = (torch.arange(width) + 0.5)[None] / width
    inside = ((rows - center[:, :1]).abs() < half)[:, :, None] & ((columns - center[:, 1:]).abs() < half)[
        :, None
    ]
    return images.masked_fill(inside[:, None].to(images.device), 0.5)


def _uniform(*shape: int, generator: Generator) -> Tensor:
    return torch.rand(*shape, generator=generator)
