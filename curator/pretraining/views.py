"""Random views of a batch of images, on the device they lie on: crop, mirror, colours, grey, solarised.

The recipe of BYOL (Grill et al. 2020, arXiv 2006.07733, appendix B) as solo-learn has it for small images,
without blur. Random numbers are drawn on the CPU: the same generator gives the same views on every device.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Generator, Tensor

LEAST_AREA = 0.2  # of the image; 0.08 needs more epochs than most will wait for
RATIO = 4 / 3  # of a crop's sides, at most
JITTER, JITTERED = (0.4, 0.4, 0.2), 0.8  # brightness, contrast, saturation; share of views
GREY, SOLARISED = 0.2, 0.1  # shares of views


def random_view(images: Tensor, generator: Generator) -> Tensor:
    """One view each of images float [b, 3, s, s] in [0, 1], the same shape and range."""
    return _solarised(_coloured(_cropped(images, generator), generator), generator)


def _cropped(images: Tensor, generator: Generator) -> Tensor:
    b = len(images)
    area = _uniform(b, LEAST_AREA, 1, generator)
    ratio = _uniform(b, -math.log(RATIO), math.log(RATIO), generator).exp().sqrt()
    sides = torch.stack([area.sqrt() * ratio, area.sqrt() / ratio], dim=1).clamp(max=1)  # [b, 2]
    mirror = torch.where(_uniform(b, 0, 1, generator) < 0.5, -1.0, 1.0)
    centers = torch.stack([_uniform(b, -1, 1, generator) for _ in range(2)], dim=1) * (1 - sides)
    grid = torch.zeros(b, 2, 3)  # maps output to input coordinates, both in [-1, 1]
    grid[:, 0, 0], grid[:, 1, 1], grid[:, :, 2] = sides[:, 0] * mirror, sides[:, 1], centers
    places = functional.affine_grid(grid.to(images), list(images.shape), align_corners=False)
    return functional.grid_sample(images, places, padding_mode="reflection", align_corners=False)


def _coloured(images: Tensor, generator: Generator) -> Tensor:
    b = len(images)
    applied = _uniform(b, 0, 1, generator) < JITTERED
    factors = [torch.where(applied, _uniform(b, 1 - by, 1 + by, generator), 1.0) for by in JITTER]
    brightness, contrast, saturation = (factor.to(images).view(b, 1, 1, 1) for factor in factors)
    kept = (_uniform(b, 0, 1, generator) >= GREY).to(images).view(b, 1, 1, 1)
    images = (images * brightness).clamp(0, 1)
    mean = images.mean((1, 2, 3), keepdim=True)
    images = (mean + contrast * (images - mean)).clamp(0, 1)
    grey = (images * images.new_tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    return (grey + kept * saturation * (images - grey)).clamp(0, 1)


def _solarised(images: Tensor, generator: Generator) -> Tensor:
    chosen = (_uniform(len(images), 0, 1, generator) < SOLARISED).to(images.device).view(-1, 1, 1, 1)
    return torch.where(chosen & (images >= 0.5), 1 - images, images)


def _uniform(count: int, low: float, high: float, generator: Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)
