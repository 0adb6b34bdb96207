"""The words that patches are told apart by: spherical k-means."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as functional
from torch import Generator, Tensor

from curator.encoders._network import nearest_word


def spherical_kmeans(
    points: Tensor, words: int, rounds: int, generator: Generator, report: Callable[[int], None]
) -> Tensor:
    """Unit directions [words, d] that unit points [m, d] gather around (Dhillon and Modha 2001).

    A word that loses all of its points is put on a random one. With no more points than words, the points
    themselves are the words, repeated as often as it takes.
    """
    order = torch.randperm(len(points), generator=generator)
    centers = points[order.repeat(-(-words // len(points)))[:words]].clone()
    for done in range(rounds if len(points) > words else 0):
        nearest = nearest_word(points, centers.T.contiguous())
        sums = torch.zeros_like(centers).index_add_(0, nearest, points)
        empty = torch.bincount(nearest, minlength=words) == 0
        lost = torch.randint(len(points), (int(empty.sum()),), generator=generator)
        sums[empty] = points[lost]
        centers = functional.normalize(sums, dim=1)
        report(done + 1)
    return centers
