"""Training, validation and test sets that never part a group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from curator._arrays import Ids, Reals, checked_labels
from curator.errors import CuratorError
from curator.neighbors.votes import joined

__all__ = ["merged_groups", "split_groups"]


def split_groups(
    groups: npt.ArrayLike, labels: npt.ArrayLike, shares: Sequence[float], *, seed: int = 0
) -> Ids:
    """Deal rows out to parts of given shares: groups stay whole, every class has its shares.

    Groups of two and more are dealt first, the largest before the others, each to the part that lacks most of
    its classes; then the single rows fill what is left, class by class. Where no group is large, the parts of
    each class differ from their shares by less than one row; what rounding takes from a part in one class it
    is given in the next. A group that is larger than a part still goes somewhere, and its part is then too
    large: look at the counts.

    Args:
        groups: int [n]; rows with one number stay together.
        labels: int [n], -1 where unlabelled: these are dealt like a class of their own.
        shares: of each part, not negative, with a sum of 1.
        seed: of the order in which rows and groups of one size are dealt.

    Returns:
        The part of each row, int64 [n], from 0 to the number of shares - 1.

    Raises:
        CuratorError: arrays of different lengths, shares that are negative or do not sum to 1.

    """
    parts = np.asarray(shares, np.float64)
    if len(parts) < 1 or not np.isfinite(parts).all() or (parts < 0).any() or abs(parts.sum() - 1) > 1e-6:
        raise CuratorError(f"shares are {', '.join(map(str, shares))}: wanted 0 or more, with a sum of 1")
    members = np.unique(np.asarray(groups), return_inverse=True)[1].ravel()
    given, _ = checked_labels(labels, len(members))
    classes = np.unique(given, return_inverse=True)[1].ravel()
    rng = np.random.default_rng(seed)
    part = np.full(len(members), -1)
    wanted = np.bincount(classes)[:, None] * parts  # [classes, parts]
    lacking = _deal_groups(members, classes, wanted, parts, part, rng)
    _deal_rows(classes, lacking, parts, part, rng)
    return part


def merged_groups(groups: Ids, others: npt.ArrayLike) -> Ids:
    """Group numbers int64 [n] in which rows are together that are so in either grouping."""
    rows, column = np.arange(len(groups)), np.asarray(others)
    links = []
    for grouping in (groups, column):
        first = np.unique(grouping, return_index=True, return_inverse=True)
        links.append(first[1][first[2].ravel()])
    return joined(len(groups), np.concatenate([rows, rows]), np.concatenate(links))


def _deal_groups(
    members: Ids, classes: Ids, wanted: Reals, parts: Reals, part: Ids, rng: np.random.Generator
) -> Reals:
    """Deal groups of two and more, writing into `part`; returns what each part still lacks of each class."""
    lacking, sizes = wanted.copy(), np.bincount(members)
    whole = np.flatnonzero(sizes > 1)
    rows = np.argsort(members, kind="stable")
    ends = np.cumsum(sizes)
    for group in whole[np.lexsort((rng.random(len(whole)), -sizes[whole]))].tolist():
        mine = rows[ends[group] - sizes[group] : ends[group]]
        counts = np.bincount(classes[mine], minlength=len(lacking))
        # Of its own classes first; of all classes where that leaves a choice.
        need = counts @ lacking / len(mine) + lacking.sum(axis=0) / len(lacking)
        chosen = int(np.where(parts > 0, need, -np.inf).argmax())
        part[mine] = chosen
        lacking[:, chosen] -= counts
    return lacking


def _deal_rows(classes: Ids, lacking: Reals, parts: Reals, part: Ids, rng: np.random.Generator) -> None:
    """Deal the single rows, class by class, to the parts that lack them."""
    shuffled = rng.permutation(np.flatnonzero(part < 0))
    carry = np.zeros(len(parts))
    for label in rng.permutation(len(lacking)).tolist():
        mine = shuffled[classes[shuffled] == label] if len(lacking) > 1 else shuffled
        if not len(mine):
            continue
        need = np.maximum(lacking[label], 0)
        exact = len(mine) * (need / need.sum() if need.sum() > 0 else parts)
        counts = _rounded(exact, carry, len(mine))
        carry += exact - counts
        part[mine] = np.repeat(np.arange(len(parts)), counts)


def _rounded(exact: Reals, carry: Reals, total: int) -> Ids:
    """Whole numbers of that total, each within 1 of `exact`; who was given too little before comes first."""
    counts = np.floor(exact + 1e-9).astype(np.int64)
    owed = np.where(exact > counts + 1e-9, exact - counts + carry, -np.inf)
    counts[np.argsort(-owed, kind="stable")[: total - counts.sum()]] += 1
    return counts
