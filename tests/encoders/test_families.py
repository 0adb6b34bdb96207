"""What holds for every family of encoders; a further one is a value and a line, and must state enough."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from curator.encoders import available_encoders, load_encoder, missing_families
from curator.encoders._families import Extra, Family, Weights
from curator.encoders._loaded import Loaded, spec_of
from curator.encoders.registry import FAMILIES, resolve
from curator.errors import CuratorError

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
WITHOUT_DOWNLOAD = [
    (family, name)
    for family, found in FAMILIES.items()
    if found.weights in (Weights.INCLUDED, Weights.NONE)
    for name in found.names()
]


class Histogram(nn.Module):
    """Images [b, 3, s, s] in [0, 1] to the shares of each level of each colour, [b, 3 levels]."""

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.levels = levels

    def forward(self, images: Tensor) -> Tensor:
        level = ((images * 255).round() * (self.levels / 256)).floor()
        return torch.stack(
            [(level == wanted).float().mean((2, 3)) for wanted in range(self.levels)], 2
        ).flatten(1)


LOADED = Loaded(
    Histogram(4),
    input_size=64,
    pooling="histogram",
    licence="Apache-2.0",
    source="computed",
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
    version="1",
)


@pytest.fixture
def add_family(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Add a family called "colors", whose one name is "histogram"."""

    def add(loaded: Loaded = LOADED, **changed: Any) -> None:
        facts: dict[str, Any] = {"weights": Weights.NONE, "load": lambda _name, _weights: loaded}
        monkeypatch.setitem(FAMILIES, "colors", Family(names=lambda: ["histogram"], **facts | changed))

    return add


def test_families_import_their_packages_when_they_load() -> None:
    code = (
        "import sys, curator.encoders\n"
        "print([n for n in ('torch', 'torchvision', 'timm', 'onnx', 'onnxruntime') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("family", FAMILIES)
def test_listed_names_are_unique_and_lead_to_their_family(family: str) -> None:
    names = FAMILIES[family].names()
    assert len(set(names)) == len(names)
    for name in names[:: max(1, len(names) // 20)]:
        assert resolve(f"{family}:{name}") == (family, name)


@pytest.mark.parametrize(("family", "name"), WITHOUT_DOWNLOAD)
def test_what_needs_no_download_loads_twice_to_the_same(family: str, name: str) -> None:
    first, second = (load_encoder(f"{family}:{name}", device="cpu", batch_size=2) for _ in range(2))
    side = first.spec.input_size
    assert first.fingerprint == second.fingerprint
    assert first.encode(PIXELS[:, :side, :side]).shape == (3, first.spec.dim)


def test_a_family_is_one_value_and_one_line(add_family: Callable[..., None]) -> None:
    add_family()
    assert available_encoders("COLORS") == {"colors:histogram": Weights.NONE}
    encoder = load_encoder("histogram", device="cpu", batch_size=2)
    assert (encoder.spec.name, encoder.spec.dim) == ("colors:histogram", 12)
    counted = [np.bincount(image[..., 0].ravel() // 64, minlength=4) for image in PIXELS]
    wanted = np.array(counted) / np.linalg.norm(counted, axis=1, keepdims=True)
    red = encoder.encode(PIXELS)[:, :4]
    np.testing.assert_allclose(red / np.linalg.norm(red, axis=1, keepdims=True), wanted, atol=1e-6)
    with pytest.raises(CuratorError, match="did you mean colors:histogram"):
        load_encoder("colors:histogramm")


@pytest.mark.parametrize("weights", [False, True])
def test_another_version_of_the_code_is_another_encoder(
    add_family: Callable[..., None], weights: bool
) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 2)) if weights else Histogram(4)
    add_family(replace(LOADED, network=network))
    before = load_encoder("histogram", device="cpu").fingerprint
    add_family(replace(LOADED, network=network, version="2"))
    assert load_encoder("histogram", device="cpu").fingerprint != before


def test_code_alone_must_state_its_version(add_family: Callable[..., None]) -> None:
    add_family(replace(LOADED, version=None))
    with pytest.raises(CuratorError, match=r"colors:histogram has no weights and states no version"):
        load_encoder("histogram", device="cpu")
    add_family(replace(LOADED, version=None, weights_sha256="of a file that is no tensors"))
    assert load_encoder("histogram", device="cpu").spec.pooling == "histogram"


def test_a_family_without_weights_refuses_a_file(add_family: Callable[..., None], tmp_path: Path) -> None:
    save_file({"a": torch.ones(3)}, tmp_path / "w.safetensors")
    add_family()
    with pytest.raises(CuratorError, match="colors:histogram has no weights: leave --weights out"):
        load_encoder("colors:histogram", weights=tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("fact", "value", "message"),
    [
        ("resize", "stretch", "resize 'stretch': wanted one of crop, squash"),
        ("crop_fraction", 1.5, "crop_fraction 1.5: wanted above 0 and at most 1"),
        ("std", (1.0, 0.0, 1.0), "wanted three numbers above 0"),
        ("mean", (1.0,), "wanted three numbers"),
        ("input_size", 0, "input_size 0: wanted at least 1 pixel"),
        ("input_size", -1, r"does not turn float32 \[1, 3, -1, -1\] into features"),
        ("network", nn.Identity(), r"wanted features \[b, dim\] of the network, not \(1, 3, 64, 64\)"),
        ("network", nn.Flatten(0, 2), r"not \(192, 64\)"),
    ],
)
def test_what_cannot_be_is_refused_when_the_encoder_is_made(fact: str, value: Any, message: str) -> None:
    with pytest.raises(CuratorError, match=message):
        spec_of("colors:histogram", replace(LOADED, **{fact: value}))


def test_names_that_are_listed_are_known_whatever_else_is_accepted(add_family: Callable[..., None]) -> None:
    add_family(accepts=lambda name: name == "histogram@128")
    assert resolve("histogram")[0] == resolve("histogram@128")[0] == "colors"
    with pytest.raises(CuratorError, match="unknown encoder"):
        resolve("colors:histogram@64")


def test_a_family_that_needs_packages_is_not_asked_without_them(
    add_family: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(_name: str) -> bool:
        pytest.fail("asked without its packages")

    add_family(accepts=ask, extra=Extra("colors", ("numpy", "no_such_package")))
    assert missing_families() == {"colors": "pip install 'curator[colors]'"}
    assert not available_encoders("colors:")
    for name in ("colors:histogram", "colors", "colors@8"):
        with pytest.raises(CuratorError, match=r"needs more packages: pip install 'curator\[colors\]'"):
            load_encoder(name)
    with pytest.raises(CuratorError, match=r"unknown encoder 'histogram'.*pip install 'curator\[colors\]'"):
        load_encoder("histogram")
    add_family(extra=Extra("colors", ("numpy",)))
    assert resolve("histogram") == ("colors", "histogram")
