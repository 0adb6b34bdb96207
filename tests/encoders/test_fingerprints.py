"""Encoders keep their fingerprints from version to version: no embeddings turn stale for nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
import torchvision

from curator.encoders import load_encoder
from tests.encoders.test_onnx import network, saved

MODULE = """
import torch
from curator.encoders import OwnEncoder

def lin():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 64, 5))
    return OwnEncoder(network, input_size=8, licence="MIT")

def lin2():
    return OwnEncoder(lin().network, 8, resize="squash", version="2")

def plain():
    return OwnEncoder(torch.nn.Flatten(), 8, version="1")
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of every kind, and a module with encoders of one's own."""
    torch.save(torchvision.models.mobilenet_v3_small(weights=None).state_dict(), tmp_path / "mobile.pth")
    torch.save(timm.create_model("test_vit", num_classes=0).state_dict(), tmp_path / "vit.pth")
    saved(network(), tmp_path)
    (tmp_path / "golden_own.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("curator.encoders.spec.decoder_fingerprint", lambda: "decoder")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "weights", "fingerprint"),
    [
        ("bundled", None, "af8545e4ac874b192ce98c0e05a90169b81f534c66aa656ad74e15d4127e2817"),
        (
            "torchvision:mobilenet_v3_small",
            "mobile.pth",
            "f49f7e05b9dcdf449cc5096e336af491c33f7d52c5a4256524b0d638d6dba037",
        ),
        ("timm:test_vit", "vit.pth", "5fefc7ed1d583ad23b06fa1786a79ac3c31ebbc43d13f9d562fcc25097867b55"),
        ("test_vit@96", "vit.pth", "d30fa7e456e3f4e6620b161ccb8f0b15b89f5ec58948673a4ea3ecbbb1022eea"),
        ("onnx@half", "net.onnx", "6a50d853fe1aecbd57b107cd48742c09559b94fffabfb878fa91c922187a4610"),
        ("golden_own:lin", None, "734e7b904f3d5b62ffdc07ecf898662d6872491fca8d997a3851a9b6e85a7fc3"),
        ("golden_own:lin2", None, "1626ab87a406552381bbc2ad4b0bb2fefd12b9abc1379b7d8df7fd65ed380ea1"),
        ("golden_own:plain", None, "50236430ec3ab97c806bfd0ee9586fff0331016d5d446b88b696ade69ca3641e"),
    ],
)
def test_fingerprints_but_for_the_weights_are_those_of_old(
    name: str, weights: str | None, fingerprint: str, files: Path
) -> None:
    encoder = load_encoder(name, weights=None if weights is None else files / weights, device="cpu")
    assert replace(encoder.spec, weights_sha256="0").fingerprint == fingerprint


def test_the_digest_of_weights_is_that_of_old() -> None:
    assert load_encoder(device="cpu").spec.weights_sha256.startswith("1a6dd96c1da49741")
