"""Labels of a few images spread over the kNN graph to all of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from curator._arrays import Floats, GraphLike, Ids, Reals, checked_embeddings, checked_graph, checked_labels
from curator.propagation._discriminant import smoothed_head
from curator.propagation.calibration import (
    ENOUGH_LABELS,
    GUESS,
    GUESS_WITH_HEAD,
    Calibration,
    class_probabilities,
    fit_calibration,
    hold_given,
    log_shares,
    mean_mass,
)
from curator.propagation.diffusion import GAMMA, NEIGHBORS, Diffusion, alpha_for
from curator.propagation.soft_labels import SoftLabels, check_any, label_counts

__all__ = ["Calibration", "SoftLabels", "propagate"]

_MOST_FOLDS = 5
_MOST_HELD_OUT = 20_000  # labels in a fold; with more in each of all folds, one such fold is enough
_FOLD_COLUMNS = 100  # with more classes, fewer folds: each costs as much as a solve


def propagate(
    graph: GraphLike,
    labels: npt.ArrayLike,
    *,
    embeddings: npt.NDArray[Any] | None = None,
    n_classes: int | None = None,
    k: int = NEIGHBORS,
    alpha: float | None = None,
    gamma: float = GAMMA,
    calibration: Calibration | None = None,
    seed: int = 0,
) -> SoftLabels:
    """Spread the labels of some images over the graph.

    Zhou et al., "Learning with Local and Global Consistency" (NIPS 2003): (I - alpha S) F = Y, solved for all
    classes at once, on affinities as in Iscen et al. (CVPR 2019): a power of the cosine between k nearest
    neighbours. The more images are labelled, the less far a label spreads: 1 - alpha is six times the
    labelled share, from .02 to .2. On CIFAR-10 and digits no fixed alpha is good with both few labels and
    many.
    Each class's column is scaled to the same total (class-mass normalisation, Zhu et al., ICML 2003), which
    also does what Iscen's class-balanced seeds do. With embeddings, a linear classifier learns from the
    result for all images and is smoothed over the graph in turn: 1 to 5 points more on CIFAR-10 with a label
    a class, 1 to 2 with five. From 50 labels on, sharpness, class prior and the classifier's weight are
    fitted by cross-validation on the labels, so that confidence can be read as a probability. The fit takes
    the labels to be a fair sample: where they were picked for being hard, confidence is too low rather than
    too high.

    Args:
        graph: a kNN graph (`.neighbors`, `.similarities`, both [n, k]).
        labels: int [n], -1 where unlabelled.
        embeddings: float [n, d], those of the graph; None to go by the graph alone.
        n_classes: how many classes; None for the largest label + 1.
        k: use only the k nearest neighbours.
        alpha: how far labels spread, in (0, 1); None to go by the labelled share.
        gamma: exponent of the cosine.
        calibration: use this one instead of fitting.
        seed: of the cross-validation's folds.

    Raises:
        CuratorError: a graph, labels or embeddings that cannot be used, no label at all, k, alpha or gamma
            out of range.

    """
    checked = checked_graph(graph)
    given, classes = checked_labels(labels, checked.n, n_classes)
    check_any(label_counts(given, classes))
    diffusion = Diffusion(checked, k=k, gamma=gamma, alpha=alpha_for(given) if alpha is None else alpha)
    vectors = None if embeddings is None else checked_embeddings(embeddings, checked.n)
    folds = None if calibration else _folds(given, classes, seed)
    if folds is None:
        rows = np.flatnonzero(given >= 0)
        mass = diffusion.spread(rows, given[rows], np.ones(len(rows), np.float32), classes)
        chosen = calibration or (GUESS if vectors is None else GUESS_WITH_HEAD)
    else:
        mass, chosen = _cross_validated(diffusion, given, folds, classes, vectors)
    head = None if vectors is None else _head_shares(diffusion, vectors, mass, given)
    return SoftLabels(diffusion, mass, given, chosen, head)


def _head_shares(diffusion: Diffusion, vectors: Floats, mass: Floats, labels: Ids) -> Floats:
    """`log_shares` of what a classifier says that learns from these labels' mass, float32 [n, C]."""
    counts = label_counts(labels, mass.shape[1])
    guess = class_probabilities(mass, counts, GUESS)
    hold_given(guess, labels)
    said = smoothed_head(diffusion, vectors, guess, labels)
    shares = log_shares(said, mean_mass(said))
    shares[:, counts == 0] = 0  # of a class that gets its first label later, the classifier knows nothing
    return shares


class _Folds(NamedTuple):
    """Labelled rows in folds that are held out one after the other, and the rest, which never are."""

    held_out: list[Ids]
    rest: Ids


def _folds(labels: Ids, n_classes: int, seed: int) -> _Folds | None:
    """The folds, each class spread evenly over them; None with too few labels to hold some out."""
    counts = label_counts(labels, n_classes)
    rows = np.flatnonzero(labels >= 0)
    # The only label of a class teaches nothing held out: nothing else can predict that class.
    if counts[counts > 1].sum() < ENOUGH_LABELS or (counts > 0).sum() < 2:
        return None
    count = int(np.clip(_FOLD_COLUMNS // n_classes, 2, _MOST_FOLDS))
    shuffled = np.random.default_rng(seed).permutation(rows)
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    if len(rows) > count * _MOST_HELD_OUT:
        held_out = np.arange(len(rows)) % (len(rows) // _MOST_HELD_OUT) == 0
        return _Folds([np.sort(by_class[held_out])], np.sort(by_class[~held_out]))
    fold = np.arange(len(rows)) % count
    return _Folds([np.sort(by_class[fold == each]) for each in range(count)], rows[:0])


def _cross_validated(
    diffusion: Diffusion, labels: Ids, folds: _Folds, n_classes: int, vectors: Floats | None
) -> tuple[Floats, Calibration]:
    """The mass of all labels, float32 [n, C], and a calibration fitted on held-out labels.

    By linearity the folds' masses add up to that of all labels, and all but one fold's to that of the rest.
    The classifier must be fitted again for each fold.
    """
    members = folds.held_out
    mass = np.zeros((diffusion.n, n_classes), np.float32)
    if len(folds.rest):
        _add_fold(diffusion, mass, labels, folds.rest, keep=False)
    parts = [_add_fold(diffusion, mass, labels, rows, keep=vectors is not None) for rows in members]
    total = mean_mass(mass)
    shares = [
        log_shares(mass[rows] - part.own, total - part.averages)
        for rows, part in zip(members, parts, strict=True)
    ]
    said = [
        _held_out_head(diffusion, vectors, np.maximum(mass - part.mass, 0), labels, rows)
        for rows, part in zip(members, parts, strict=True)
        if vectors is not None and part.mass is not None
    ]
    rows, counts = np.concatenate(members), label_counts(labels, n_classes)
    fair = counts[labels[rows]] > 1
    head = np.concatenate(said)[fair] if said else None
    return mass, fit_calibration(np.concatenate(shares)[fair], labels[rows[fair]], counts, head)


class _Fold(NamedTuple):
    """The mass of one fold's labels: at their own rows [m, C], at an average row [C], at all rows [n, C]."""

    own: Floats
    averages: Reals
    mass: Floats | None  # as large as the result: kept only where needed


def _add_fold(diffusion: Diffusion, mass: Floats, labels: Ids, rows: Ids, *, keep: bool) -> _Fold:
    """Spread the labels of these rows, and add what they give to `mass`."""
    own, averages = np.empty((len(rows), mass.shape[1]), np.float32), np.empty(mass.shape[1])
    kept = np.empty_like(mass) if keep else None
    weights = np.ones(len(rows), np.float32)
    for part, block in diffusion.spread_parts(rows, labels[rows], weights, mass.shape[1]):
        mass[:, part] += block
        own[:, part], averages[part] = block[rows], mean_mass(block)
        if kept is not None:
            kept[:, part] = block
    return _Fold(own, averages, kept)


def _held_out_head(diffusion: Diffusion, vectors: Floats, mass: Floats, labels: Ids, rows: Ids) -> Floats:
    """`_head_shares` at rows whose labels the classifier did not see."""
    seen = labels.copy()
    seen[rows] = -1
    return _head_shares(diffusion, vectors, mass, seen)[rows]
