"""Patches of images and the filters that whiten them."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Generator, Tensor

CONTRAST_FLOOR = 0.1  # added to a patch's contrast before dividing by it: near-blank patches stay small
PER_IMAGE = 16  # patches taken of one image at most, so that the sample covers many


def sample_patches(images: Tensor, side: int, count: int, generator: Generator) -> Tensor:
    """Up to `count` random patches [m, 3 side side] of images uint8 [n, 3, s, s]: mean 0, contrast 1."""
    per_image = min(PER_IMAGE, -(-count // len(images)))
    chosen = torch.randperm(len(images), generator=generator)[: -(-count // per_image)]
    parts = []
    for batch in torch.split(images[chosen], 500):
        patches = functional.unfold(batch.float() / 255, side).transpose(1, 2)  # [b, positions, 3 side side]
        positions = torch.rand(patches.shape[:2], generator=generator).argsort(1)[:, :per_image]
        parts.append(torch.take_along_dim(patches, positions.unsqueeze(2), 1).flatten(0, 1))
    sample = torch.cat(parts)[:count]
    sample = sample - sample.mean(1, keepdim=True)
    unit: Tensor = sample / (sample.norm(dim=1, keepdim=True) + CONTRAST_FLOOR)
    return unit


def whitening(patches: Tensor, channels: int, floor: float) -> Tensor:
    """Matrix [d, channels] that takes patches [m, d] to their first principal components, of variance 1.

    Its columns have zero mean, so that it can be applied to patches whose mean has not been taken off.
    """
    covariance = (patches.T @ patches / len(patches)).double()
    variances, axes = torch.linalg.eigh(covariance)
    variances, axes = variances.flip(0)[:channels], axes.flip(1)[:, :channels]
    matrix = axes / (variances.clamp(min=0) + floor * variances[0]).sqrt()
    whitened: Tensor = (matrix - matrix.mean(0)).float()
    return whitened
