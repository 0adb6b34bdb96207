"""The compact network: what it computes, and that a file of it is whole or refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from curator.encoders._network import (
    BLOCK_ROWS,
    CONTRAST,
    CompactNet,
    NetworkConfig,
    facing,
    load_network,
    nearest_word,
    save_network,
)
from curator.errors import CuratorError

SMALL = NetworkConfig(patch=3, stride=2, channels=5, words=7, places=4, window=2, step=1, grid=2, dim=6)


def network(seed: int = 0) -> CompactNet:
    generator = torch.Generator().manual_seed(seed)
    made = CompactNet(SMALL)
    for value in made.state_dict().values():
        value.copy_(torch.randn(value.shape, generator=generator).half())
    made.dictionary /= made.dictionary.norm(dim=0)
    made.dictionary[:] = made.dictionary.half()
    made.table[-1] = 0
    return made


def images(count: int = 3, side: int = 9, seed: int = 1) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_features_are_those_of_a_slow_loop_over_patches() -> None:
    made, pixels = network(), facing(images(side=11))
    side = (11 - 3) // 2 + 1  # 5 x 5 patches: 4 x 4 neighbourhoods, of which each quarter pools 2 x 2
    expected = []
    for image in pixels:
        places = np.zeros((side, side, 4))
        for row in range(side):
            for column in range(side):
                patch = image[:, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
                whitened = (made.filters * patch).sum((1, 2, 3))
                if whitened.norm() >= CONTRAST:
                    places[row, column] = made.table[(whitened @ made.dictionary).argmax()]
        near = (places[1:, 1:] + places[1:, :-1] + places[:-1, 1:] + places[:-1, :-1]) / 4
        near /= np.linalg.norm(near, axis=2, keepdims=True)
        quarters = near.reshape(2, 2, 2, 2, 4).mean((1, 3)).transpose(2, 0, 1).ravel()
        roots = np.sign(quarters) * np.sqrt(np.abs(quarters))
        expected.append((roots / np.linalg.norm(roots) - made.center.numpy()) @ made.projection.numpy())
    assert np.allclose(made(pixels).numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("side", [9, 12, 32])
def test_an_image_and_its_mirror_image_have_the_same_features(side: int) -> None:
    made, pixels = network(), images(40, side)
    turned = (facing(pixels) != pixels).flatten(1).any(1)
    assert 0 < turned.sum() < len(pixels)
    assert torch.equal(facing(pixels), facing(pixels.flip(3)))
    assert torch.equal(made(pixels), made(pixels.flip(3)))


def test_gradients_through_blank_parts_are_finite() -> None:
    made, pixels = network(), images(2)
    made.filters -= made.filters.mean((1, 2, 3), keepdim=True)
    pixels[:, :, :6] = 0.5
    made.table.requires_grad_(True)
    made(pixels).square().sum().backward()
    assert made.table.grad is not None
    assert made.table.grad.isfinite().all()
    assert made.table.grad.abs().sum() > 0


def test_image_of_words_without_a_place_has_the_zero_vector() -> None:
    made = network()
    made.filters -= made.filters.mean((1, 2, 3), keepdim=True)
    assert torch.equal(made(torch.full((2, 3, 9, 9), 0.7)), torch.zeros(2, 6))


@pytest.mark.parametrize("words", [1, 7, 64, 96, 8192])
@pytest.mark.parametrize("points", [0, 1, BLOCK_ROWS, BLOCK_ROWS + 3])
def test_nearest_word_is_the_largest_product_for_any_number_of_words(words: int, points: int) -> None:
    # Small integers: products are exact, so that no order of summing can change the winner.
    generator = torch.Generator().manual_seed(words + points)
    rows = torch.randint(-9, 10, (points, 5), generator=generator).float()
    dictionary = torch.randint(-9, 10, (5, words), generator=generator).float()
    products = rows.double() @ dictionary.double()
    found = torch.take_along_dim(products, nearest_word(rows, dictionary)[:, None], 1)
    assert torch.equal(found[:, 0], products.amax(1))


def test_any_size_and_no_image_at_all() -> None:
    made = network()
    assert made(images(2, side=31)).shape == (2, 6)
    assert made(images(0)).shape == (0, 6)


def test_saved_network_gives_the_same_features(tmp_path: Path) -> None:
    made = network()
    save_network(made, tmp_path / "a.safetensors", {"method": "test"})
    assert torch.equal(load_network(tmp_path / "a.safetensors")(images()), made(images()))


@pytest.mark.parametrize("harm", ["truncate", "empty", "text", "no description", "other shape", "older"])
def test_file_that_does_not_fit_is_refused_by_name(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "weights.safetensors"
    save_network(network(), path, {})
    content = path.read_bytes()
    path.write_bytes(
        {
            "truncate": content[:-1],
            "empty": b"",
            "text": b"hello",
            "no description": content.replace(b'"curator"', b'"curatox"'),
            "other shape": content.replace(b'words\\": 7', b'words\\": 8'),
            "older": content.replace(older := b', \\"window\\": 2', b" " * len(older)),
        }[harm]
    )
    complaint = "this version of curator needs" if harm == "older" else ""
    with pytest.raises(CuratorError, match=rf"weights\.safetensors.*{complaint}"):
        load_network(path)
