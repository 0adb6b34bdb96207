"""Weights from files: every way of wrapping the same network gives the same features; no file runs code."""

import argparse
import io
import json
import pickle
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import resnet18

from curator.encoders import load_encoder
from curator.encoders._checkpoint_files import _LEGACY_TORCH as LEGACY
from curator.encoders._checkpoint_files import read_checkpoint
from curator.encoders._state_dicts import best_prefix
from curator.encoders.registry import FAMILIES
from curator.errors import CuratorError

State = dict[str, Tensor]
VIT = "test_vit"


def images(side: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (2, side, side, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def resnet() -> State:
    torch.manual_seed(0)
    return dict(resnet18(weights=None).state_dict())


@pytest.fixture(scope="module")
def vit() -> State:
    torch.manual_seed(0)
    return dict(timm.create_model(VIT, num_classes=0).state_dict())


def prefixed(prefix: str, state: State) -> State:
    return {prefix + key: value for key, value in state.items()}


def zeroed(state: State) -> State:
    return {key: torch.zeros_like(value) for key, value in state.items()}


def headless(state: State) -> State:
    return {key: value for key, value in state.items() if not key.startswith("fc.")}


HEAD = torch.ones(3)
STYLES: dict[str, Callable[[State], Any]] = {
    "plain": lambda s: s,
    "no head": headless,
    "state_dict": lambda s: {"state_dict": s, "epoch": 3, "optimizer": {"state": {0: {"step": HEAD}}}},
    "model": lambda s: {"model": s},
    "data parallel": lambda s: {"state_dict": prefixed("module.", s)},
    "compiled": lambda s: prefixed("_orig_mod.", s),
    "dino": lambda s: {
        "student": prefixed("module.backbone.", zeroed(s)),
        "teacher": prefixed("backbone.", headless(s)) | {"head.last_layer.weight_v": HEAD},
        "args": argparse.Namespace(arch="resnet18", lr=0.1),
    },
    "moco v2": lambda s: {
        "arch": "resnet18",
        "state_dict": prefixed("module.encoder_k.", zeroed(s))
        | prefixed("module.encoder_q.", headless(s))
        | {"module.encoder_q.fc.0.weight": HEAD, "module.queue": HEAD},
    },
    "moco v3": lambda s: {
        "state_dict": prefixed("module.momentum_encoder.", zeroed(s))
        | prefixed("module.base_encoder.", headless(s))
        | {"module.predictor.0.weight": HEAD}
    },
    "byol": lambda s: {
        "target_network": prefixed("encoder.", zeroed(s)),
        "online_network": prefixed("encoder.", headless(s)) | {"projector.0.weight": HEAD},
    },
    "swav": lambda s: prefixed("module.", headless(s)) | {"module.prototypes.weight": HEAD},
    "averaged": lambda s: {"state_dict": zeroed(s), "state_dict_ema": s},
}


@pytest.fixture(scope="module")
def reference(resnet: State, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes]:
    """Fingerprint and features of the plain file; the features agree with a hand-made pipeline."""
    path = tmp_path_factory.mktemp("plain") / "plain.pth"
    torch.save(resnet, path)
    encoder = load_encoder("resnet18", weights=path, device="cpu", batch_size=2)
    rows = encoder.encode(images(224))
    model = resnet18(weights=None)
    model.load_state_dict(resnet)
    model.fc = nn.Identity()
    batch = torch.from_numpy(images(224)).permute(0, 3, 1, 2) / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        wanted = model.eval()((batch - mean.view(3, 1, 1)) / std.view(3, 1, 1))
    np.testing.assert_allclose(rows, nn.functional.normalize(wanted).numpy(), atol=1e-5)
    return encoder.fingerprint, rows.tobytes()


@pytest.mark.parametrize("style", STYLES)
def test_every_style_of_checkpoint_gives_the_same_features(
    style: str, resnet: State, reference: tuple[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth.tar"
    torch.save(STYLES[style](resnet), path)
    encoder = load_encoder("torchvision:resnet18", weights=path, device="cpu", batch_size=2)
    assert (encoder.fingerprint, encoder.encode(images(224)).tobytes()) == reference


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_safetensors_under_any_suffix(
    name: str, resnet: State, reference: tuple[str, bytes], tmp_path: Path
) -> None:
    save_file(prefixed("module.", resnet), tmp_path / name)
    encoder = load_encoder("resnet18", weights=tmp_path / name, device="cpu", batch_size=2)
    assert (encoder.fingerprint, encoder.encode(images(224)).tobytes()) == reference


def test_the_legacy_format_of_torch_is_read(
    resnet: State, reference: tuple[str, bytes], tmp_path: Path
) -> None:
    torch.save(resnet, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    encoder = load_encoder("resnet18", weights=tmp_path / "old.pth", device="cpu", batch_size=2)
    assert encoder.fingerprint == reference[0]


def test_a_changed_weight_changes_the_fingerprint(
    resnet: State, reference: tuple[str, bytes], tmp_path: Path
) -> None:
    changed = {**resnet, "conv1.weight": resnet["conv1.weight"].clone()}
    changed["conv1.weight"][0, 0, 0, 0] += 1e-3
    torch.save(changed, tmp_path / "w.pth")
    encoder = load_encoder("resnet18", weights=tmp_path / "w.pth", device="cpu", batch_size=2)
    assert encoder.fingerprint != reference[0]


def test_timm_loads_a_dino_file_at_two_sizes(vit: State, tmp_path: Path) -> None:
    path = tmp_path / "dino.pth"
    torch.save({"teacher": prefixed("module.backbone.", vit) | {"module.head.mlp.0.weight": HEAD}}, path)
    full = load_encoder(f"timm:{VIT}", weights=path, device="cpu", batch_size=2)
    small = load_encoder(f"timm:{VIT}@96", weights=path, device="cpu", batch_size=2)
    assert (full.spec.input_size, small.spec.input_size) == (160, 96)
    assert full.spec.dim == small.spec.dim == 64
    assert full.fingerprint != small.fingerprint
    model = timm.create_model(VIT, num_classes=0).eval()
    model.load_state_dict(vit)
    batch = (torch.from_numpy(images(160)).permute(0, 3, 1, 2) / 255 - 0.5) / 0.5
    with torch.inference_mode():
        wanted = nn.functional.normalize(model(batch)).numpy()
    np.testing.assert_allclose(full.encode(images(160)), wanted, atol=1e-5)
    assert np.isfinite(small.encode(images(96))).all()


@pytest.mark.parametrize(("tag", "mean"), [("dino", 0.485), ("augreg_in21k", 0.5)])
def test_timm_tags_decide_mean_and_deviation(tag: str, mean: float, tmp_path: Path) -> None:
    name = f"vit_small_patch16_224.{tag}"
    torch.save(timm.create_model(name, num_classes=0).state_dict(), tmp_path / "w.pth")
    loaded = FAMILIES["timm"].load(name, tmp_path / "w.pth")
    assert loaded.mean[0] == mean
    assert loaded.name == name
    assert "not stated" in loaded.licence


def test_a_network_that_does_not_fit_lists_the_keys(resnet: State, tmp_path: Path) -> None:
    torch.save(resnet, tmp_path / "w.pth")
    with pytest.raises(CuratorError, match=r"resnet50: \d+ missing \(layer1.0.conv3.w.*of another shape"):
        load_encoder("resnet50", weights=tmp_path / "w.pth", device="cpu")


def test_missing_and_left_over_keys_are_told_apart(resnet: State, tmp_path: Path) -> None:
    state = headless(resnet) | {"extra.weight": HEAD}
    del state["bn1.bias"]
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(CuratorError, match=r"1 missing \(bn1.bias\); 1 left over \(extra.weight\)"):
        load_encoder("resnet18", weights=tmp_path / "w.pth", device="cpu")


def test_a_file_of_another_network_altogether(tmp_path: Path) -> None:
    torch.save({"a.b": HEAD}, tmp_path / "w.pth")
    with pytest.raises(CuratorError, match="missing"):
        load_encoder("resnet18", weights=tmp_path / "w.pth", device="cpu")


class Payload:
    """Creates a file when unpickled: what a malicious checkpoint might do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("how", ["torch", "legacy", "pickle"])
@pytest.mark.parametrize("name", ["w.pth", "w.pt", "w.tar", "w.safetensors"])
def test_a_file_that_would_run_code_is_refused_and_runs_none(how: str, name: str, tmp_path: Path) -> None:
    trace, path = tmp_path / "ran", tmp_path / name
    content = {"state_dict": {"conv1.weight": HEAD}, "payload": Payload(trace)}
    if how == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=how == "torch")
    with pytest.raises(CuratorError, match=r"refused to load|no sound safetensors") as caught:
        load_encoder("resnet18", weights=path, device="cpu")
    assert str(path) in str(caught.value)
    assert not trace.exists()
    torch.load(io.BytesIO(path.read_bytes()), weights_only=False) if how != "pickle" else pickle.loads(
        path.read_bytes()
    )
    assert trace.exists()  # the payload is a live one


def safetensors_bytes(header: object, body: bytes = bytes(16)) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def tensor(start: int, end: int, shape: list[int]) -> dict[str, object]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}


DAMAGED = {
    "empty.safetensors": b"",
    "empty.pth": b"",
    "short.safetensors": b"\x08\x00",
    "header too long.safetensors": struct.pack("<Q", 2**62) + b'{"a":1}',
    "overlap.safetensors": safetensors_bytes({"a": tensor(0, 16, [4]), "b": tensor(8, 16, [2])}),
    "shape.safetensors": safetensors_bytes({"a": tensor(0, 16, [5])}),
    "outside.safetensors": safetensors_bytes({"a": tensor(0, 400, [100])}),
    "no json.safetensors": struct.pack("<Q", 8) + b"{{{{{{{{",
    "garbage.pth": bytes(range(256)) * 4,
    "text.pth": b"404: not found",
    "zip.pth": b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(DAMAGED[name])
    with pytest.raises(CuratorError, match=r"weights file.*" + name):
        read_checkpoint(tmp_path / name)


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02", LEGACY, b"\x20" + bytes(7) + b"{"]),
)
@settings(max_examples=80, deadline=None)
def test_garbage_is_never_more_than_an_error(garbage: bytes, head: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "w.pth"
        path.write_bytes(head + garbage)
        with pytest.raises(CuratorError, match=r"w\.pth") as caught:
            read_checkpoint(path)
    assert "weights_only" not in str(caught.value)  # torch advises to switch it off


def test_truncated_files_are_named(resnet: State, tmp_path: Path) -> None:
    torch.save(resnet, tmp_path / "w.pth")
    save_file(resnet, tmp_path / "w.safetensors")
    for name in ("w.pth", "w.safetensors"):
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2])
        with pytest.raises(CuratorError, match="fetch it again"):
            read_checkpoint(tmp_path / name)


def test_files_without_weights(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "args": argparse.Namespace(lr=1.0)}, tmp_path / "w.pth")
    with pytest.raises(CuratorError, match="holds no weights"):
        read_checkpoint(tmp_path / "w.pth")
    with pytest.raises(CuratorError, match="cannot read"):
        read_checkpoint(tmp_path / "absent.pth")
    with pytest.raises(CuratorError, match="cannot read"):
        read_checkpoint(tmp_path)


def test_the_prefix_is_found_by_counting() -> None:
    wanted = {"conv.weight": HEAD, "norm.weight": HEAD}
    have = {"a.b.conv.weight": HEAD, "a.b.norm.weight": HEAD, "conv.weight": HEAD, "c.x.norm.weight": HEAD}
    assert best_prefix(have, wanted) == "a.b."
    assert best_prefix(wanted, wanted) == ""
    assert best_prefix({"z": HEAD}, wanted) == ""
