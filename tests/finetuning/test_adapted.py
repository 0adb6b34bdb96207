"""Which weights learn, that they start as nothing, and that they come back from their file."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from curator.encoders import Encoder, EncoderSpec, load_encoder
from curator.encoders._adapted import AdaptedNet, Scored, Top, last_block, make_trainable, trained
from curator.encoders.exporting import TOLERANCE, export_network
from curator.encoders.finetuned import Description, adapted, head_of, save_finetuned
from curator.errors import CuratorError
from curator.finetuning.config import PARTS, FinetuneConfig
from curator.finetuning.train import train
from curator.finetuning.weights import Targets

PIXELS = np.random.default_rng(0).integers(0, 256, size=(6, 32, 32, 3), dtype=np.uint8)


def described(part: str) -> Description:
    base = load_encoder("bundled", device="cpu").spec.fingerprint
    return Description("bundled", None, base, part, ["ant", "bee", "cow"], 0.1, 4)


def vit() -> nn.Module:
    timm = pytest.importorskip("timm")
    model: nn.Module = timm.create_model(
        "vit_tiny_patch16_224", img_size=32, patch_size=8, num_classes=0, depth=3
    )
    return model.eval()


def test_a_fresh_top_changes_no_direction() -> None:
    features = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    embedding = Top(8, 3, 0.1).embed(features)
    assert torch.allclose(embedding, torch.nn.functional.normalize(features, dim=1))


@pytest.mark.parametrize("part", ["head", "last-block", "all"])
def test_of_the_bundled_network_the_part_asked_for_learns(part: str) -> None:
    network = adapted(load_encoder("bundled", device="cpu").network, _spec(), described(part))
    names = {name for name, _ in trained(network)} - {"top.adapter.weight", "top.adapter.bias"}
    assert (
        names
        == {
            "head": {"top.head.weight"},
            "last-block": {"top.head.weight", "body.center", "body.projection"},
            "all": {"top.head.weight", "body.center", "body.projection", "body.table"},
        }[part]
    )


def test_the_last_block_of_a_transformer_and_of_a_residual_network() -> None:
    transformer = vit()
    assert last_block(transformer)[0] is transformer.get_submodule("blocks.2")
    torchvision = pytest.importorskip("torchvision")
    residual = torchvision.models.resnet18()
    residual.fc = nn.Identity()
    assert last_block(residual) == [residual.layer4[1]]


def test_low_rank_updates_start_as_nothing_and_are_all_that_learns() -> None:
    transformer, images = vit(), torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        before = transformer(images)
        make_trainable(transformer, "lora", 4)
        after = transformer(images)
    assert torch.allclose(before, after, atol=1e-5)
    learning = [name for name, _ in trained(transformer)]
    assert learning
    assert all(name.endswith((".up", ".down")) for name in learning)
    share = sum(w.numel() for _, w in trained(transformer)) / sum(w.numel() for w in transformer.parameters())
    assert share < 0.1


def test_a_network_without_linear_layers_is_told_what_to_use() -> None:
    with pytest.raises(CuratorError, match="use --train last-block"):
        make_trainable(load_encoder("bundled", device="cpu").network, "lora", 4)


@pytest.mark.parametrize("part", ["last-block", "lora", "all"])
def test_where_nothing_could_learn_only_the_head_is_left(part: str) -> None:
    normalised = nn.Sequential(nn.BatchNorm2d(3, affine=False), nn.Flatten())  # buffers, no weights
    for body in (nn.Flatten(), normalised):
        with pytest.raises(CuratorError, match=f"no weights for --train {part}: use --train head"):
            make_trainable(body, part, 4)
        make_trainable(body, "head", 4)


def test_a_head_on_an_onnx_network_comes_back_from_its_file(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    export_network(load_encoder("bundled", device="cpu"), tmp_path)
    base = load_encoder(weights=tmp_path / "model.onnx", device="cpu", batch_size=2)
    description = replace(
        described("head"), base_weights=str(tmp_path / "model.onnx"), base_fingerprint=base.fingerprint
    )
    network = adapted(copy.deepcopy(base.network), base.spec, description)
    _shake(network)
    save_finetuned(network, tmp_path / "tuned.safetensors", description)
    again = load_encoder(weights=tmp_path / "tuned.safetensors", device="cpu", batch_size=2)
    assert again.spec.learned
    wanted = Encoder(again.spec, network, device="cpu", batch_size=2).encode(PIXELS)
    assert np.array_equal(again.encode(PIXELS), wanted)
    assert not np.allclose(wanted, base.encode(PIXELS), atol=1e-3)
    with pytest.raises(CuratorError, match="is an ONNX file already"):
        export_network(again, tmp_path)


class Random:
    """Views that are noise."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape, self.generator = shape, torch.Generator().manual_seed(0)

    def weak(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.rand(len(rows), *self.shape, generator=self.generator)

    strong = weak


@pytest.mark.parametrize("part", PARTS)
def test_training_moves_what_learns_and_nothing_else(part: str) -> None:
    body = vit()
    make_trainable(body, part, 4)
    network = Scored(AdaptedNet(body, Top(192, 3, 0.1), ["a", "b", "c"]))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    learning = {name for name, _ in trained(network)}
    labels = np.array([0, 1, 2, -1, -1, -1])
    soft = np.full((6, 3), 1 / 3, np.float32)
    targets = Targets(labels, (labels >= 0).astype(np.float32), soft, soft.max(axis=1))
    config = FinetuneConfig(train="all", network_steps=3, network_batch=4, network_labelled_batch=4)
    losses: list[float] = []
    train(network, Random((3, 32, 32)), targets, config, lambda _s, _n, loss: losses.append(loss))
    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert moved
    assert moved <= learning
    assert len(losses) == 3


@pytest.mark.parametrize("part", ["head", "last-block", "all"])
def test_a_fine_tuned_encoder_comes_back_from_its_file(tmp_path: Path, part: str) -> None:
    description = described(part)
    network = adapted(load_encoder("bundled", device="cpu").network, _spec(), description)
    _shake(network)
    path = tmp_path / "tuned.safetensors"
    save_finetuned(network, path, description)
    encoder = load_encoder(weights=path, device="cpu")
    wanted = network(torch.from_numpy(PIXELS).permute(0, 3, 1, 2).float() / 255).detach().numpy()
    assert np.allclose(
        encoder.encode(PIXELS), wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-5
    )
    assert encoder.spec.name == f"bundled+{part}"
    head = head_of(encoder)
    assert head is not None
    assert head.probabilities(encoder.encode(PIXELS)).sum(axis=1) == pytest.approx(1)
    assert head_of(load_encoder("bundled", device="cpu")) is None


def test_another_base_is_refused(tmp_path: Path) -> None:
    description = replace(described("head"), base_fingerprint="another")
    network = adapted(load_encoder("bundled", device="cpu").network, _spec(), description)
    save_finetuned(network, tmp_path / "tuned.safetensors", description)
    with pytest.raises(CuratorError, match="run `curator finetune` again"):
        load_encoder(weights=tmp_path / "tuned.safetensors", device="cpu")


def test_onnx_gives_what_torch_gives(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    description = described("last-block")
    network = adapted(load_encoder("bundled", device="cpu").network, _spec(), description)
    _shake(network)
    save_finetuned(network, tmp_path / "tuned.safetensors", description)
    encoder = load_encoder(weights=tmp_path / "tuned.safetensors", device="cpu")
    assert export_network(encoder, tmp_path).difference <= TOLERANCE
    session = runtime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    pixels = PIXELS.transpose(0, 3, 1, 2).astype(np.float32) / 255
    embeddings, shares = session.run(None, {"pixels": pixels})
    head = head_of(encoder)
    assert head is not None
    assert np.abs(embeddings - encoder.encode(PIXELS)).max() <= TOLERANCE
    assert np.abs(shares - head.probabilities(encoder.encode(PIXELS))).max() <= TOLERANCE


def _spec() -> EncoderSpec:
    return load_encoder("bundled", device="cpu").spec


def _shake(network: nn.Module) -> None:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for _, weights in trained(network):
            weights.add_(torch.randn(weights.shape, generator=generator), alpha=0.02)
