"""Gradient training: the loss by hand, views by their laws, a run in pieces equal to a run in one."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import cosine_similarity, normalize

from curator.encoders import load_encoder
from curator.encoders._residual import MEAN, STD, ResidualConfig, ResidualNet
from curator.errors import CuratorError
from curator.pretraining import ByolConfig, Epoch, pretrain_byol
from curator.pretraining._learner import Learner, rate_at
from curator.pretraining.byol import Best, checkpoint_of
from curator.pretraining.views import random_view

from .test_pretrain import digits

SHAPE = ResidualConfig(side=16, width=8, blocks=(1, 1))
QUICK = ByolConfig(
    epochs=4, batch_size=32, views=2, warmup_epochs=1, hidden=32, projected=16, check_every=1, seed=3
)


def small(count: int = 96) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    pixels, target = digits()
    return np.ascontiguousarray(pixels[:count, ::2, ::2]), target[:count]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_views_stay_images_and_differ() -> None:
    batch = torch.rand(64, 3, 16, 16, generator=generator())
    first, second = random_view(batch, generator(1)), random_view(batch, generator(2))
    assert first.shape == batch.shape
    assert first.min() >= 0
    assert first.max() <= 1
    assert torch.equal(first, random_view(batch, generator(1)))
    assert (first - second).abs().mean() > 0.05
    grey = (first[:, 0] == first[:, 1]).flatten(1).all(1).float().mean()
    assert 0.05 < grey < 0.45


def test_a_flat_image_stays_flat() -> None:
    view = random_view(torch.full((32, 3, 8, 8), 0.5), generator())
    assert (view.amax((2, 3)) - view.amin((2, 3))).max() < 1e-5


def test_the_loss_is_the_distance_to_the_mean_of_the_other_views() -> None:
    torch.manual_seed(0)
    learner = Learner(ResidualNet(SHAPE), QUICK).eval()
    views = [torch.rand(8, 3, 16, 16, generator=generator(seed)) for seed in range(3)]
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    with torch.no_grad():
        ready = [(view - mean) / std for view in views]
        targets = [normalize(learner.target(view), dim=1) for view in ready]
        predictions = [learner.predictor(learner.online(view)) for view in ready]
        means = [torch.stack(targets[:i] + targets[i + 1 :]).mean(0) for i in range(3)]
        wanted = [2 - 2 * cosine_similarity(*pair, dim=1) for pair in zip(predictions, means, strict=True)]
        assert torch.allclose(learner(views), torch.stack(wanted).mean(), atol=1e-5)


def test_the_slow_average_follows() -> None:
    learner = Learner(ResidualNet(SHAPE), QUICK)
    before = learner.averaged.state_dict()["stem.0.weight"].clone()
    with torch.no_grad():
        for weights in learner.online.parameters():
            weights.add_(1)
    learner.follow(0.75)
    assert torch.allclose(learner.averaged.state_dict()["stem.0.weight"], before + 0.25, atol=1e-6)


def test_the_rate_warms_up_and_ends_at_nothing() -> None:
    rates = [rate_at(done, QUICK) for done in np.linspace(0, 1, 41)]
    assert rates[0] == 0
    assert max(rates) == pytest.approx(QUICK.rate * 32 / 256) == rates[10]
    assert rates[-1] == pytest.approx(0)
    assert all(a >= b for a, b in pairwise(rates[10:]))


def test_the_loss_falls_and_the_weights_load_as_an_encoder(tmp_path: Path) -> None:
    pixels, labels = small()
    seen: list[Epoch] = []
    output = tmp_path / "w.safetensors"
    config = replace(QUICK, epochs=8, check_every=4)
    done = pretrain_byol(pixels, output, config=config, network=SHAPE, labels=labels, tell=seen.append)
    assert [epoch.number for epoch in seen] == list(range(1, 9))
    assert seen[-1].loss < 0.8 * seen[0].loss
    assert [epoch.knn_accuracy is not None for epoch in seen] == [False, False, False, True] * 2
    assert list(tmp_path.iterdir()) == [output]  # no checkpoint is left
    encoder = load_encoder(weights=output, device="cpu", batch_size=8)
    assert (encoder.spec.name, encoder.spec.input_size, encoder.spec.dim) == ("residual", 16, done.dim)
    rows = encoder.encode(pixels[:9])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_a_run_in_pieces_is_the_run_in_one(tmp_path: Path) -> None:
    pixels, _ = small()
    whole, pieces = tmp_path / "whole.safetensors", tmp_path / "pieces.safetensors"
    pretrain_byol(pixels, whole, config=QUICK, network=SHAPE)
    seen: list[Epoch] = []

    def stop_in_the_third(epoch: Epoch) -> None:
        seen.append(epoch)
        if len(seen) in (3, 4):  # before its checkpoint is written
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            pretrain_byol(pixels, pieces, config=QUICK, network=SHAPE, tell=stop_in_the_third)
        assert checkpoint_of(pieces).exists()
        assert not pieces.exists()
    pretrain_byol(pixels, pieces, config=QUICK, network=SHAPE, tell=seen.append)
    assert [epoch.number for epoch in seen] == [1, 2, 3, 3, 3, 4]
    assert whole.read_bytes() == pieces.read_bytes()


def test_a_checkpoint_of_another_run_is_not_gone_on_with(tmp_path: Path) -> None:
    pixels, _ = small()

    def stop(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    output = tmp_path / "w.safetensors"
    with pytest.raises(KeyboardInterrupt):
        pretrain_byol(pixels, output, config=QUICK, network=SHAPE, tell=stop)
    for images, config in ((pixels, replace(QUICK, seed=4)), (pixels[::-1], QUICK)):
        with pytest.raises(CuratorError, match="of other images or settings"):
            pretrain_byol(np.ascontiguousarray(images), output, config=config, network=SHAPE)
    checkpoint_of(output).write_bytes(checkpoint_of(output).read_bytes()[:-100])
    with pytest.raises(CuratorError, match="is damaged"):
        pretrain_byol(pixels, output, config=QUICK, network=SHAPE)


def test_patience_ends_a_run_that_gets_no_better() -> None:
    best = Best(patience=10)
    heard = [(0, 0.5), (5, None), (5, 0.6), (10, 0.55), (14, None), (15, 0.6)]
    assert [best.passed(epoch, accuracy) for epoch, accuracy in heard] == [False] * 5 + [True]
    assert not any(Best(None).passed(epoch, 0.1) for epoch in range(100))


def test_one_image_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(CuratorError, match="1 images are too few"):
        pretrain_byol(small(1)[0], tmp_path / "w", config=QUICK, network=SHAPE)
