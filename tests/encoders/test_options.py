"""Views, pooling, whitening: each against a computation by hand, and each with a fingerprint of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from curator.encoders import EncoderSpec, load_encoder
from curator.encoders._wrappers import Pooled, Views
from curator.encoders.options import whitened
from curator.encoders.whitening import fit_whitening
from curator.errors import CuratorError


def images(count: int = 3, side: int = 32) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def tensors(side: int) -> Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))


def test_flipped_views_are_the_mean_of_both() -> None:
    plain = load_encoder(device="cpu", batch_size=4)
    flipped = load_encoder(device="cpu", batch_size=4, views="flip")
    mean = plain.encode(images()) + plain.encode(images()[:, :, ::-1])
    wanted = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    np.testing.assert_allclose(flipped.encode(images()), wanted, atol=1e-5)


@pytest.mark.parametrize("views", ["flip", "crops"])
def test_an_image_and_its_mirror_image_are_the_same(views: str) -> None:
    encoder = load_encoder(device="cpu", batch_size=4, views=views)
    mirrored = encoder.encode(images()[:, :, ::-1])
    np.testing.assert_allclose(encoder.encode(images()), mirrored, atol=1e-5)


def test_crops_are_ten_and_of_full_size() -> None:
    seen: list[Tensor] = []

    class Seeing(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            seen.append(batch)
            return batch.mean((2, 3))

    Views(Seeing(), "crops")(tensors(32))
    assert [tuple(view.shape) for view in seen] == [(2, 3, 32, 32)] * 10
    assert len({view.sum().item() for view in seen[:5]}) == 5


@pytest.fixture
def vit() -> Any:
    torch.manual_seed(0)
    return timm.create_model("test_vit", num_classes=0).eval()


@pytest.fixture
def torchvision_vit() -> VisionTransformer:
    torch.manual_seed(0)
    model = VisionTransformer(32, 8, 2, 2, 24, 48)
    model.heads = nn.Sequential(nn.Identity())
    return model.eval()


def test_tokens_of_timm(vit: Any) -> None:
    batch = tensors(160)
    with torch.inference_mode():
        tokens = vit.forward_features(batch)
        found = {how: Pooled(vit, how, "vit")(batch) for how in ("class", "patch", "both")}
    assert torch.equal(found["class"], tokens[:, 0])
    assert torch.allclose(found["patch"], tokens[:, 1:].mean(1))
    assert torch.equal(found["both"], torch.cat([found["class"], found["patch"]], dim=1))


def test_tokens_of_torchvision(torchvision_vit: VisionTransformer) -> None:
    batch = tensors(32)
    with torch.inference_mode():
        assert torch.equal(Pooled(torchvision_vit, "class", "vit")(batch), torchvision_vit(batch))
        assert Pooled(torchvision_vit, "both", "vit")(batch).shape == (2, 48)


@pytest.mark.parametrize("how", ["class", "patch"])
def test_a_network_without_tokens_says_so(how: str) -> None:
    for name in ("bundled",):
        with pytest.raises(CuratorError, match="bundled has no tokens"):
            load_encoder(name, device="cpu", pooling=how)
    with pytest.raises(CuratorError, match=r"has no (tokens|class token) to pool by --pooling class"):
        Pooled(timm.create_model("test_resnet", num_classes=0), "class", "net")


def test_weights_from_a_file_pooled_otherwise(vit: Any, tmp_path: Path) -> None:
    torch.save(vit.state_dict(), tmp_path / "w.pth")

    def load(pooling: str | None) -> Any:
        return load_encoder(
            "timm:test_vit", weights=tmp_path / "w.pth", device="cpu", batch_size=2, pooling=pooling
        )

    kinds = {how: load(how) for how in (None, "class", "patch", "both")}
    assert len({encoder.fingerprint for encoder in kinds.values()}) == 4
    assert {encoder.spec.dim for encoder in kinds.values()} == {64, 128}
    for encoder in kinds.values():
        assert encoder.encode(images(1, 160)).shape == (1, encoder.spec.dim)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"views": "all"}, "unknown views 'all': give one of one"),
        ({"pooling": "max"}, "unknown pooling 'max'"),
    ],
)
def test_unknown_options_are_listed(options: dict[str, Any], message: str) -> None:
    with pytest.raises(CuratorError, match=message):
        load_encoder(device="cpu", **options)


def test_whitening_inside_the_encoder_is_whitening_of_its_embeddings() -> None:
    encoder = load_encoder(device="cpu", batch_size=8)
    rows = encoder.encode(images(40))
    whitening = fit_whitening(rows, 6)
    inside = whitened(encoder, whitening)
    assert (inside.spec.dim, inside.spec.whitening) == (6, whitening.sha256)
    assert inside.fingerprint != encoder.fingerprint
    np.testing.assert_allclose(inside.encode(images(40)), whitening.apply(rows), atol=1e-4)


def test_a_plain_encoder_keeps_the_fingerprint_it_had_before_there_were_options(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("curator.encoders.spec.decoder_fingerprint", lambda: "decoder")
    make: Callable[..., EncoderSpec] = EncoderSpec
    spec = make("a", 8, 4, "0", "avg", "x", "y")
    assert spec.fingerprint == "ab0f768472e8e77006a1b332b0073f6a080371a63098e6868c951c3cef72a812"
    assert make("a", 8, 4, "0", "avg", "x", "y", views="flip").fingerprint != spec.fingerprint


def test_bfloat16_is_close_to_float32_and_has_its_own_fingerprint(vit: Any, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save(vit.state_dict(), path)
    exact, rounded = (
        load_encoder("timm:test_vit", weights=path, device="cpu", batch_size=4, precision=precision)
        for precision in ("float32", "bfloat16")
    )
    assert exact.fingerprint != rounded.fingerprint
    cosines = (exact.encode(images(4, 160)) * rounded.encode(images(4, 160))).sum(axis=1)
    assert 0.99 < cosines.min() < 1


def test_a_network_without_weights_of_its_own_is_not_rounded() -> None:
    with pytest.raises(CuratorError, match="bundled computes in float32 alone"):
        load_encoder(device="cpu", precision="bfloat16")
