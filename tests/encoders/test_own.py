"""Encoders of one's own: the documentation's example, entry points, and what goes wrong."""

import re
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import numpy as np
import pytest
import torch

from curator.encoders import available_encoders, load_encoder, own
from curator.errors import CuratorError

GUIDE = Path(__file__).parents[2] / "docs" / "encoders.md"
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 3), dtype=np.uint8)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The module of the guide, importable under a name of its own."""
    (block,) = re.findall(r"^```py\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(block.splitlines()) <= 16
    (tmp_path / "my_encoders.py").write_text(
        block + "\nother = 3\n\ndef wrong():\n    return 3\n\ndef flat():\n"
        "    return OwnEncoder(nn.Identity(), input_size=8, version='1')\n\ndef code():\n"
        "    return OwnEncoder(nn.Flatten(), input_size=8)\n\ndef unsaid():\n"
        "    return OwnEncoder(small_net().network, input_size=48)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "my_encoders"


def test_the_example_of_the_guide_runs(module: str, tmp_path: Path) -> None:
    encoder = load_encoder(f"{module}:small_net", device="cpu", batch_size=2)
    rows = encoder.encode(PIXELS)
    assert rows.shape == (2, encoder.spec.dim)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert load_encoder(f"{module}:small_net", device="cpu").fingerprint == encoder.fingerprint
    weights = tmp_path / "w.pth"
    state = load_encoder(f"{module}:small_net", device="cpu").network.state_dict()
    torch.save({name: value * 2 for name, value in state.items()}, weights)
    trained = load_encoder(f"{module}:small_net", weights=weights, device="cpu")
    assert trained.fingerprint != encoder.fingerprint


def test_a_version_that_is_not_said_is_the_first(module: str) -> None:
    assert load_encoder(f"{module}:unsaid", device="cpu").spec.pooling == "its own, version 1"


def test_an_entry_point_is_an_encoder_by_its_plain_name(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints([EntryPoint("small", f"{module}:small_net", own.GROUP)])
    monkeypatch.setattr(own, "entry_points", lambda **wanted: points.select(**wanted))
    assert "own:small" in available_encoders()
    assert load_encoder("small", device="cpu").spec.name == load_encoder("own:small").spec.name == "own:small"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("absent", "cannot be imported"),
        ("other", "is no function"),
        ("wrong", r"returned a int: wanted a curator\.encoders\.OwnEncoder"),
        ("code", r"own:my_encoders:code has no weights and states no version"),
        ("flat", r"does not turn float32 \[1, 3, 8, 8\] into features"),
    ],
)
def test_what_goes_wrong_is_said(module: str, function: str, message: str) -> None:
    with pytest.raises(CuratorError, match=message):
        load_encoder(f"{module}:{function}", device="cpu")


def test_weights_for_a_function_that_takes_none(module: str, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(b"x")
    with pytest.raises(CuratorError, match="takes no weights file"):
        load_encoder(f"{module}:flat", weights=tmp_path / "w.pth", device="cpu")


def test_a_module_that_does_not_exist_is_an_unknown_encoder() -> None:
    for name in ("no_such_module:f", "no.such.module:f", "a b:c"):
        with pytest.raises(CuratorError, match="unknown encoder"):
            load_encoder(name)
