"""The whole of a fine-tune on arrays: train on part of the labels, compare on the others, train for good."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Generator, nn

from curator.audits import audit
from curator.encoders import Encoder
from curator.encoders._adapted import AdaptedNet, Scored
from curator.encoders.finetuned import Description, adapted
from curator.errors import CuratorError
from curator.finetuning._inputs import (
    KeptFeatures,
    Pixels,
    Watch,
    class_scores,
    embedded,
    encoded,
    kept_features,
)
from curator.finetuning.config import FinetuneConfig
from curator.finetuning.gate import Verdict, compare, fit_temperature, folds
from curator.finetuning.train import Views, start_head, train
from curator.finetuning.weights import Targets, label_trust
from curator.propagation import SoftLabels, propagate
from curator.propagation.calibration import Calibration
from curator_indexes import KnnGraph, knn_graph
from curator_indexes.runtime import torch_team

MIN_LABELS = 10  # with fewer, not even a fine-tune that is always right could be told from luck
DOUBT = 0.5  # of trust, below which a label is more likely wrong than right
_NEIGHBORS = 50  # of the graphs that are compared: those of a workspace
_LEAST_SHARE = 1e-4  # of a class, before its logarithm is taken
_CHECKS = 5  # how often a trial says what it gets right so far

Floats = NDArray[np.floating[Any]]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Material:
    """What a fine-tune starts from, row by row the same images.

    Attributes:
        pixels: images uint8 [n, s, s, 3] as `encoder` wants them, perhaps on disk.
        encoder: the network to start from.
        embeddings: of the encoder in use now, float [n, d]; those of `encoder` or of an earlier fine-tune.
        graph: their kNN graph.
        labels: int64 [n], -1 where unlabelled, codes into `classes`.
        classes: names.
        checked: which labels people have checked, bool [n].

    """

    pixels: NDArray[np.uint8]
    encoder: Encoder
    embeddings: Floats
    graph: KnnGraph
    labels: Ids
    classes: Sequence[str]
    checked: NDArray[np.bool_]


@dataclass(frozen=True)
class Moment:
    """How a trial stands: the loss, and the share of held-out labels that the head gets right."""

    trial: int
    trials: int
    step: int
    steps: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Tuned:
    """What came of it: the verdict, the head's own accuracy on the held-out labels, and the network.

    `network` is None where the verdict is not in its favour. `temperature` of the head and `calibration` of
    propagation were fitted on labels that the network had not seen: later cross-validation on its embeddings
    would ask labels that it has learned, and find them all too easy.
    """

    verdict: Verdict
    head_accuracy: float
    network: AdaptedNet | None
    temperature: float
    calibration: Calibration


def finetune(
    material: Material,
    description: Description,
    config: FinetuneConfig,
    *,
    watch: Watch = lambda _stage, _done, _total: None,
    tell: Callable[[Moment], None] = lambda _moment: None,
) -> Tuned:
    """Fine-tune, and keep the result only where held-out labels speak for it.

    Each trial hides a fifth of the labels from everything: audit, propagation, training. Old and new
    embeddings then say what the hidden labels are, in the same way, by propagation from the others. Where
    features are kept, each label is hidden once, and the network that is kept learns from all of them; else
    one trial must do, and its network is the one that is kept. Raises `CuratorError` for too few labels.
    """
    _check(material)
    generator = Generator().manual_seed(config.seed)
    features = None
    if config.keeps_features:
        features = kept_features(material.encoder, material.pixels, config, generator, watch)
    bench = _Bench(material, description, config, features)
    groups = _audited(material, material.labels).groups
    hidden = folds(material.labels, groups, config.folds, config.seed)
    trials = hidden if config.keeps_features else hidden[:1]
    results = [
        bench.trial(rows, (number + 1, len(trials)), watch, tell) for number, rows in enumerate(trials)
    ]
    judged = np.concatenate(trials)
    verdict = compare(*(np.concatenate([getattr(r, side) for r in results]) for side in ("before", "after")))
    scores, given = np.concatenate([result.scores for result in results]), material.labels[judged]
    network, last = None, results[-1].network
    if verdict.better:
        network = bench.fit(_targets(material, material.labels), watch) if len(trials) > 1 else last
    return Tuned(
        verdict=verdict,
        head_accuracy=float((scores.argmax(axis=1) == given).mean()),
        network=network,
        temperature=config.temperature * fit_temperature(scores, given),
        calibration=_honest([result.guess for result in results], trials, given),
    )


@dataclass(frozen=True)
class _Trial:
    before: NDArray[np.bool_]
    after: NDArray[np.bool_]
    scores: NDArray[np.float32]
    guess: SoftLabels
    network: AdaptedNet


@dataclass(frozen=True)
class _Bench:
    """What all trials share."""

    material: Material
    description: Description
    config: FinetuneConfig
    features: KeptFeatures | None

    def trial(
        self, rows: Ids, number: tuple[int, int], watch: Watch, tell: Callable[[Moment], None]
    ) -> _Trial:
        """Hide the labels of `rows`, train, and let old and new embeddings guess them."""
        material, wanted = self.material, self.material.labels[rows]
        seen = material.labels.copy()
        seen[rows] = -1

        def check(network: nn.Module, views: Views, step: int, steps: int, loss: float) -> None:
            if step % -(-steps // _CHECKS) == 0 or step == steps:
                accuracy = float((class_scores(network, views, rows).argmax(axis=1) == wanted).mean())
                tell(Moment(*number, step, steps, loss, accuracy))

        network = self.fit(_targets(material, seen), watch, check)
        rows_now = self.embeddings(network, watch)
        graph = knn_graph(rows_now, min(_NEIGHBORS, len(rows_now) - 1), seed=self.config.seed)
        classes = len(material.classes)
        before = propagate(material.graph, seen, embeddings=material.embeddings, n_classes=classes)
        after = propagate(graph, seen, embeddings=rows_now, n_classes=classes)
        views, scored = self._learner(network)
        return _Trial(
            before=before.predictions[rows] == wanted,
            after=after.predictions[rows] == wanted,
            scores=class_scores(scored, views, rows),
            guess=after,
            network=network,
        )

    def fit(
        self, targets: Targets, watch: Watch, check: Callable[..., None] = lambda *_state: None
    ) -> AdaptedNet:
        """A network trained on these targets."""
        material = self.material
        body = copy.deepcopy(material.encoder.network)
        network = adapted(body, material.encoder.spec, self.description).to(material.encoder.device)
        start_head(network.top.head, self._clean(), targets)
        views, learner = self._learner(network)

        def report(step: int, steps: int, loss: float) -> None:
            watch("train", step, steps)
            check(learner, views, step, steps, loss)

        with nullcontext() if self.config.keeps_features else torch_team():
            train(learner, views, targets, self.config, report)
        return network

    def embeddings(self, network: AdaptedNet, watch: Watch) -> NDArray[np.float32]:
        """Unit embeddings float32 [n, d] of all images by a trained network."""
        if self.features is None:
            spec, device = self.material.encoder.spec, self.material.encoder.device
            encoder, count = Encoder(spec, copy.deepcopy(network), device=device), len(self.material.pixels)
            return encoded(encoder, self.material.pixels, lambda done: watch("embed", done, count))
        return embedded(network.top, self.features.clean)

    def _clean(self) -> Floats:
        return self.material.embeddings if self.features is None else self.features.clean

    def _learner(self, network: AdaptedNet) -> tuple[Views, nn.Module]:
        """What the training loop sees of a network, and its inputs."""
        if self.features is not None:
            return self.features, network.top
        generator = Generator().manual_seed(self.config.seed)
        views = Pixels(self.material.pixels, self.material.encoder, generator, self.config.flip)
        return views, Scored(network)


def _check(material: Material) -> None:
    labelled = material.labels[material.labels >= 0]
    if len(labelled) < MIN_LABELS or len(np.unique(labelled)) < 2:
        raise CuratorError(
            f"{len(labelled)} labels of {len(np.unique(labelled))} classes are too few to hold some of them "
            f"out: label {MIN_LABELS} images of at least 2 classes (curator query --budget 20)"
        )


def _targets(material: Material, labels: Ids) -> Targets:
    """What to learn from the labels that may be seen.

    Images whose label is more likely wrong than right are taken for what those that are believed make them.
    """
    classes = len(material.classes)
    trust = label_trust(labels, _audited(material, labels).error_probability)
    soft = propagate(material.graph, labels, embeddings=material.embeddings, n_classes=classes)
    shares, confidence = soft.probabilities.copy(), soft.confidence.copy()
    doubted = (labels >= 0) & (trust < DOUBT)
    if doubted.any() and (trust >= DOUBT).any():
        believed = np.where(doubted, -1, labels)
        others = propagate(material.graph, believed, embeddings=material.embeddings, n_classes=classes)
        shares[doubted], confidence[doubted] = others.probabilities[doubted], others.confidence[doubted]
    return Targets(labels, trust, shares, confidence)


def _audited(material: Material, labels: Ids) -> Any:
    checked = material.checked & (labels >= 0)
    classes = len(material.classes)
    return audit(material.graph, labels, embeddings=material.embeddings, n_classes=classes, checked=checked)


def _honest(guesses: list[SoftLabels], hidden: list[Ids], given: Ids) -> Calibration:
    """The trials' mean calibration of propagation, made as sure as it is right about the hidden labels."""
    shares = np.concatenate([guess.probabilities[rows] for guess, rows in zip(guesses, hidden, strict=True)])
    factor = fit_temperature(np.log(np.maximum(shares, _LEAST_SHARE)), given)
    fitted = [guess.calibration for guess in guesses]
    mean = np.mean([(each.sharpness, each.prior_weight, each.head_weight) for each in fitted], axis=0)
    sharpness, prior_weight, head_weight = (mean / factor).tolist()
    return Calibration(sharpness, prior_weight, head_weight, len(given))
