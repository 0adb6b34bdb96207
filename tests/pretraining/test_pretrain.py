"""Training: each stage against a slow or dense oracle, and the whole of it on real digits."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from curator.encoders._network import NetworkConfig, load_network, nearest_word
from curator.errors import CuratorError
from curator.pretraining import PretrainConfig, pretrain
from curator.pretraining.dictionary import spherical_kmeans
from curator.pretraining.manifold import count_words, word_places
from curator.pretraining.patches import sample_patches, whitening

SMALL = NetworkConfig(channels=24, words=128, places=32, dim=48)
QUICK = PretrainConfig(patches=20_000, rounds=3, seed=0)


def digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """600 real digits, blown up to 32 pixels in three equal channels, and what they show."""
    data = load_digits()
    grey = np.kron(data.images[:600] * 15.9, np.ones((4, 4))).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=3), data.target[:600]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_whitened_patches_have_unit_covariance_and_flat_ones_vanish() -> None:
    pixels = torch.randint(0, 255, (200, 3, 12, 12), generator=generator(), dtype=torch.uint8)
    patches = sample_patches(pixels, 4, 2000, generator())
    matrix = whitening(patches, 20, 0.0)
    whitened = patches @ matrix
    assert torch.allclose(whitened.T @ whitened / len(whitened), torch.eye(20), atol=1e-3)
    assert (torch.full((1, 48), 0.5) @ matrix).abs().max() < 1e-4


def test_kmeans_finds_separate_directions_and_names_the_nearest() -> None:
    axes = torch.eye(6)
    noise = 0.05 * torch.randn(600, 6, generator=generator())
    points = torch.nn.functional.normalize(axes.repeat(100, 1) + noise, dim=1)
    centers = spherical_kmeans(points, 12, 8, generator(), lambda _done: None)
    assert torch.allclose(centers.norm(dim=1), torch.ones(12), atol=1e-5)
    assert torch.equal(nearest_word(points, centers.T), (points @ centers.T).argmax(1))
    assert (points @ centers.T).max(1).values.min() > 0.9


def test_more_words_than_points_is_no_crash() -> None:
    points = torch.eye(3)
    assert spherical_kmeans(points, 8, 3, generator(), lambda _done: None).shape == (8, 3)


def test_places_are_those_of_a_dense_correspondence_analysis() -> None:
    rng = np.random.default_rng(0)
    topics = rng.dirichlet(np.full(30, 0.1), size=5)
    words = np.stack([rng.choice(30, size=40, p=topics[i % 5]) for i in range(300)]).astype(np.int32)
    before = words.copy()
    counts = count_words(words, 30)
    assert np.array_equal(words, before)
    dense = np.stack([np.bincount(row, minlength=30) for row in words]).astype(float)
    assert np.array_equal(counts.toarray(), dense)
    frequency = dense.sum(0)
    scale = np.divide(1, np.sqrt(frequency), out=np.zeros(30), where=frequency > 0)
    axes = np.linalg.svd(dense * scale)[2][1:5].T * scale[:, None]
    expected = axes / np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1e-300)
    found = word_places(counts, 4, 3, np.random.default_rng(1)).astype(float)
    assert np.allclose(found @ found.T, expected @ expected.T, atol=1e-3), "the same up to a rotation of axes"


def test_trained_on_real_digits_it_tells_them_apart(tmp_path: Path) -> None:
    pixels, target = digits()
    stages: list[str] = []
    done = pretrain(
        pixels,
        tmp_path / "w.safetensors",
        config=QUICK,
        network=SMALL,
        report=lambda stage, _done, _total: stages.append(stage),
    )
    assert (done.images, done.dim) == (600, 48)
    assert list(dict.fromkeys(stages)) == ["dictionary", "words"]
    network = load_network(done.weights)
    features = network(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)
    unit = torch.nn.functional.normalize(features, dim=1)
    similarity = unit @ unit.T
    similarity.fill_diagonal_(-1)
    nearest = similarity.argmax(1).numpy()
    assert np.mean(target[nearest] == target) > 0.85


def test_same_seed_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    pixels, _ = digits()
    files = [tmp_path / name for name in ("a", "b", "c")]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        config = PretrainConfig(patches=5000, rounds=1, seed=seed)
        pretrain(pixels[:100], file, config=config, network=SMALL)
    first, second, third = (file.read_bytes() for file in files)
    assert first == second
    assert first != third


@pytest.mark.parametrize(
    ("pixels", "complaint"),
    [
        (np.zeros((1, 32, 32, 3), np.uint8), "1 images are too few"),
        (np.full((5, 32, 32, 3), 128, np.uint8), "blank"),
    ],
)
def test_images_with_nothing_to_learn_are_refused(
    tmp_path: Path, pixels: NDArray[np.uint8], complaint: str
) -> None:
    with pytest.raises(CuratorError, match=complaint):
        pretrain(pixels, tmp_path / "w", network=SMALL)
    assert list(tmp_path.iterdir()) == []
