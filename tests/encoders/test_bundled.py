"""The bundled network, and files like it that training writes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from curator.encoders import bundled, load_encoder
from curator.encoders._network import INPUT_SIZE, MEAN, STD, CompactNet, NetworkConfig, save_network
from curator.errors import CuratorError


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A file such as training writes, of a small network."""
    path = tmp_path / "mine.safetensors"
    save_network(small_network(0), path, {"data": "none"})
    return path


def small_network(seed: int) -> CompactNet:
    network = CompactNet(NetworkConfig(channels=4, words=8, places=4, dim=6))
    generator = torch.Generator().manual_seed(seed)
    for value in network.state_dict().values():
        value.copy_(torch.randn(value.shape, generator=generator))
    return network


def test_the_bundled_network_is_the_default(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "BUNDLED_WEIGHTS", weights)
    spec = load_encoder(device="cpu").spec
    assert (spec.name, spec.licence, spec.source) == ("bundled", "Apache-2.0", "bundled with curator")
    assert (spec.input_size, spec.dim, spec.resize, spec.crop_fraction) == (INPUT_SIZE, 6, "crop", 1.0)
    assert (spec.mean, spec.std) == (MEAN, STD)
    assert load_encoder("bundled", device="cpu").fingerprint == spec.fingerprint


def test_a_file_like_it_needs_no_name(weights: Path, tmp_path: Path) -> None:
    encoder = load_encoder(weights=weights, device="cpu")
    assert encoder.spec.name == "compact"
    assert encoder.spec.source == str(weights)
    moved = tmp_path / "moved.safetensors"
    weights.rename(moved)
    assert load_encoder(weights=moved, device="cpu").fingerprint == encoder.fingerprint


def test_other_weights_have_another_fingerprint(weights: Path) -> None:
    before = load_encoder(weights=weights, device="cpu").fingerprint
    save_network(small_network(1), weights, {})
    assert load_encoder(weights=weights, device="cpu").fingerprint != before


def test_its_rows_do_not_depend_on_company_or_place(weights: Path) -> None:
    encoder = load_encoder(weights=weights, device="cpu", batch_size=4)
    images = np.random.default_rng(0).integers(0, 256, (9, INPUT_SIZE, INPUT_SIZE, 3), dtype=np.uint8)
    rows = encoder.encode(images)
    assert rows.shape == (9, 6)
    assert encoder.encode(images[:3]).tobytes() == rows[:3].tobytes()
    assert encoder.encode(images[::-1])[::-1].tobytes() == rows.tobytes()


@pytest.mark.skipif(not bundled.BUNDLED_WEIGHTS.exists(), reason="the bundled weights are not trained yet")
def test_the_shipped_weights_load_and_tell_images_apart() -> None:
    encoder = load_encoder(device="cpu", batch_size=4)
    images = np.zeros((3, INPUT_SIZE, INPUT_SIZE, 3), np.uint8)  # the first is black all over
    images[1, :, ::2] = 255
    images[2, ::4] = (200, 30, 10)
    similarities = encoder.encode(images) @ encoder.encode(images).T
    np.testing.assert_allclose(np.diag(similarities), 1, atol=1e-5)
    assert similarities[np.triu_indices(3, 1)].max() < 0.99


def test_an_incomplete_installation_says_so(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "BUNDLED_WEIGHTS", weights.with_name("absent.safetensors"))
    with pytest.raises(CuratorError, match=r"absent\.safetensors.*install curator again"):
        load_encoder(device="cpu")


def test_a_file_of_another_network_asks_for_the_architecture(weights: Path) -> None:
    save_file({"conv1.weight": torch.ones(3)}, weights)
    with pytest.raises(CuratorError, match=r"mine\.safetensors.*--encoder"):
        load_encoder(weights=weights, device="cpu")


@pytest.mark.parametrize("data", [b"", b"garbage", b"\xff" * 100])
def test_a_damaged_file_is_named(weights: Path, data: bytes) -> None:
    weights.write_bytes(data)
    with pytest.raises(CuratorError, match=r"mine\.safetensors"):
        load_encoder(weights=weights, device="cpu")


def test_weights_that_do_not_fit_their_description_are_refused(weights: Path) -> None:
    state = load_file(weights)
    state.popitem()
    with safe_open(weights, framework="pt") as file:
        metadata = file.metadata()
    save_file(state, weights, metadata)
    with pytest.raises(CuratorError, match=r"mine\.safetensors"):
        load_encoder(weights=weights, device="cpu")
