"""Laws of encoding: unit rows, one row at a time or many, clear words for what cannot be."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from curator.encoders import Encoder, EncoderSpec
from curator.encoders._loaded import weights_digest
from curator.encoders.encoder import pick_device
from curator.errors import CuratorError
from curator.images import decode_image, decoder_fingerprint
from tests.images.image_files import photo

SPEC = EncoderSpec(
    name="toy",
    input_size=16,
    dim=8,
    weights_sha256="0" * 64,
    pooling="avg",
    licence="Apache-2.0",
    source="made for the test",
)


class Flat(nn.Module):
    """Features that are the pixels' channel means, times a factor, repeated to `dim`."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, images: Tensor) -> Tensor:
        return (images.mean((2, 3)) * self.factor).repeat(1, 3)[:, :8]


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )


def pixels(count: int, side: int = 16, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 9])
def test_rows_have_length_one_in_float32(count: int) -> None:
    rows = Encoder(SPEC, network(), device="cpu", batch_size=4).encode(pixels(count))
    assert rows.shape == (count, 8)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("count", range(1, 10))
def test_the_bytes_of_a_row_do_not_depend_on_how_many_came_with_it(count: int) -> None:
    encoder = Encoder(SPEC, network(), device="cpu", batch_size=4)
    images = pixels(9)
    assert encoder.encode(images[:count]).tobytes() == encoder.encode(images)[:count].tobytes()


def test_the_bytes_of_a_row_do_not_depend_on_its_place() -> None:
    encoder = Encoder(SPEC, network(), device="cpu", batch_size=4)
    images, order = pixels(9), np.random.default_rng(0).permutation(9)
    assert encoder.encode(images[order]).tobytes() == encoder.encode(images)[order].tobytes()


def test_the_bytes_do_not_depend_on_the_number_of_threads() -> None:
    encoder, threads = Encoder(SPEC, network(), device="cpu", batch_size=8), torch.get_num_threads()
    try:
        rows = []
        for count in (1, 2, 4):
            torch.set_num_threads(count)
            rows.append(encoder.encode(pixels(8)).tobytes())
    finally:
        torch.set_num_threads(threads)
    assert rows[0] == rows[1] == rows[2]


def test_the_network_always_sees_batches_of_one_shape() -> None:
    shapes: list[tuple[int, ...]] = []
    model = Flat()
    model.register_forward_hook(lambda _, inputs, __: shapes.append(tuple(inputs[0].shape)))
    Encoder(SPEC, model, device="cpu", batch_size=4).encode(pixels(9))
    assert shapes == [(4, 3, 16, 16)] * 3


def test_pixels_are_normalised_by_mean_and_deviation_in_rgb_order() -> None:
    spec = replace(SPEC, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 2.0))
    image = np.full((1, 16, 16, 3), (51, 102, 255), np.uint8)
    wanted = np.array([(0.2 - 0.1) / 0.5, (0.4 - 0.2) / 0.25, (1.0 - 0.3) / 2.0])
    row = Encoder(spec, Flat(), device="cpu").encode(image)[0]
    wanted = np.tile(wanted, 3)[:8]
    np.testing.assert_allclose(row, wanted / np.linalg.norm(wanted), rtol=1e-5)


def test_images_of_zero_features_stay_zero() -> None:
    assert not Encoder(SPEC, Flat(0.0), device="cpu").encode(pixels(3)).any()


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_tiny_and_huge_features_are_still_normalised(factor: float) -> None:
    rows = Encoder(SPEC, Flat(factor), device="cpu").encode(pixels(3))
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("factor", [float("nan"), float("inf")])
def test_features_that_are_not_finite_name_the_encoder(factor: float) -> None:
    with pytest.raises(CuratorError, match=r"toy.*3 of 3.*its weights \(made for the test\) are.*damaged"):
        Encoder(SPEC, Flat(factor), device="cpu").encode(pixels(3))
    without = replace(SPEC, weights_sha256=weights_digest(Flat()))
    with pytest.raises(CuratorError, match=r"toy.*3 of 3.*no weights, so its code \(made for the test\)"):
        Encoder(without, Flat(factor), device="cpu").encode(pixels(3))


@pytest.mark.parametrize("dim", [1, 3, 9])
def test_features_of_another_shape_than_the_spec_says_are_refused(dim: int) -> None:
    class Other(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.mean((1, 2, 3))[:, None].repeat(1, dim)

    with pytest.raises(CuratorError, match=rf"toy gave features \(4, {dim}\) for 4 images, wanted \(4, 8\)"):
        Encoder(SPEC, Other(), device="cpu", batch_size=4).encode(pixels(3))


def test_a_network_that_mixes_the_images_of_a_batch_is_refused() -> None:
    class Mixed(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.mean((0, 2, 3)).repeat(3)[None, :8]

    with pytest.raises(CuratorError, match=r"\(1, 8\) for 4 images"):
        Encoder(SPEC, Mixed(), device="cpu", batch_size=4).encode(pixels(3))


@pytest.mark.parametrize(
    "wrong", [np.zeros((1, 16, 16), np.uint8), np.zeros((1, 8, 8, 3), np.uint8), np.zeros((1, 16, 16, 3))]
)
def test_wrong_pixels_are_refused(wrong: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match=r"uint8 \[b, 16, 16, 3\]"):
        Encoder(SPEC, network(), device="cpu").encode(wrong)


def test_the_network_is_frozen_and_in_evaluation_mode() -> None:
    model = network().train()
    encoder = Encoder(SPEC, model, device="cpu")
    before = encoder.encode(pixels(4)).tobytes()
    assert not model.training
    assert not any(weight.requires_grad for weight in model.parameters())
    assert encoder.encode(pixels(4)).tobytes() == before


def test_too_little_memory_says_what_to_do() -> None:
    class Greedy(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(CuratorError, match="smaller batch size, such as 8"):
        Encoder(SPEC, Greedy(), device="cpu", batch_size=32).encode(pixels(1))


def test_devices() -> None:
    assert pick_device("cpu") == "cpu"
    assert pick_device("auto") in ("cpu", "cuda", "mps")
    with pytest.raises(CuratorError, match="unknown device 'tpu'"):
        pick_device("tpu")
    with pytest.raises(CuratorError, match="batch size 0"):
        Encoder(SPEC, network(), batch_size=0)


def test_an_absent_device_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(CuratorError, match="--device cpu"):
        pick_device("cuda")


CHANGES: list[dict[str, object]] = [
    {"name": "other"},
    {"input_size": 32},
    {"dim": 9},
    {"weights_sha256": "1" * 64},
    {"pooling": "token"},
    {"mean": (0.5, 0.5, 0.5)},
    {"std": (0.5, 0.5, 0.5)},
    {"resize": "squash"},
    {"crop_fraction": 0.875},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_the_fingerprint_changes_with_all_that_changes_vectors(change: dict[str, object]) -> None:
    assert replace(SPEC, **change).fingerprint != SPEC.fingerprint  # type: ignore[arg-type]


def test_the_fingerprint_is_stable_and_ignores_where_the_weights_lie() -> None:
    assert replace(SPEC, source="elsewhere", licence="MIT", learned=True).fingerprint == SPEC.fingerprint
    assert replace(SPEC).fingerprint == SPEC.fingerprint == Encoder(SPEC, network(), device="cpu").fingerprint
    assert len(SPEC.fingerprint) == 64


def test_the_fingerprint_covers_the_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    before = replace(SPEC).fingerprint
    monkeypatch.setattr("curator.encoders.spec.decoder_fingerprint", lambda: decoder_fingerprint() + "+1")
    assert replace(SPEC).fingerprint != before


def test_a_spec_decodes_images_to_its_size() -> None:
    spec = replace(SPEC, crop_fraction=0.5)
    wanted = decode_image(photo(), 16, crop_fraction=0.5)
    assert spec.decode(photo()).pixels.tobytes() == wanted.pixels.tobytes()
