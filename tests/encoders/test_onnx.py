"""ONNX files: the same features as the network they were made from; nothing beside the file is read."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch.nn.functional import conv2d, normalize

from curator.encoders import _families, load_encoder
from curator.encoders.exporting import export_network
from curator.encoders.onnx_models import METADATA
from curator.errors import CuratorError

SIDE = 16
KERNEL = np.random.default_rng(0).normal(size=(6, 3, 4, 4)).astype(np.float32)


def images(count: int = 5) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


def network(batch: int | str = "batch", side: int | str = SIDE, channels: int = 3) -> onnx.ModelProto:
    """A convolution, its mean over the image, and the map itself as a second output."""
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "kernel"], ["map"], strides=[4, 4]),
            helper.make_node("GlobalAveragePool", ["map"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["features"]),
        ],
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, channels, side, side])],
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, [batch, 6]),
            helper.make_tensor_value_info("map", TensorProto.FLOAT, None),
        ],
        [numpy_helper.from_array(KERNEL[:, :channels], "kernel")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def saved(model: onnx.ModelProto, folder: Path, **metadata: Any) -> Path:
    if metadata:
        helper.set_model_props(model, {METADATA: json.dumps(metadata)})
    path = folder / "net.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def wanted(mean: float, std: float) -> NDArray[np.float32]:
    batch = (torch.from_numpy(images()).permute(0, 3, 1, 2).float() / 255 - mean) / std
    features = conv2d(batch, torch.from_numpy(KERNEL), stride=4).mean((2, 3))
    return np.asarray(normalize(features).numpy())


@pytest.mark.parametrize("batch", ["batch", 1, 2, 4])
def test_features_are_those_of_the_network(batch: int | str, tmp_path: Path) -> None:
    path = saved(network(batch), tmp_path)
    encoder = load_encoder("onnx@half", weights=path, device="cpu", batch_size=3)
    assert (encoder.spec.input_size, encoder.spec.dim, encoder.spec.name) == (SIDE, 6, "onnx:net")
    np.testing.assert_allclose(encoder.encode(images()), wanted(0.5, 0.5), atol=1e-5)


def test_metadata_says_how_images_are_prepared_and_a_name_overrules_it(tmp_path: Path) -> None:
    path = saved(network(), tmp_path, mean=[0.1] * 3, std=[0.2] * 3, crop_fraction=0.5, resize="crop")
    encoder = load_encoder(weights=path, device="cpu", batch_size=5)
    assert encoder.spec.crop_fraction == 0.5
    np.testing.assert_allclose(encoder.encode(images()), wanted(0.1, 0.2), atol=1e-5)
    other = load_encoder("onnx@unit", weights=path, device="cpu", batch_size=5)
    np.testing.assert_allclose(other.encode(images()), wanted(0, 1), atol=1e-5)
    assert other.fingerprint != encoder.fingerprint


def test_a_network_of_any_size_is_told_its_own(tmp_path: Path) -> None:
    path = saved(network(side="side"), tmp_path)
    assert load_encoder(f"onnx@{SIDE},half", weights=path, device="cpu").spec.input_size == SIDE
    with pytest.raises(CuratorError, match=r"side x side pixels.*--encoder onnx@SIZE"):
        load_encoder("onnx@half", weights=path, device="cpu")


def test_an_exported_encoder_comes_back_with_its_card(tmp_path: Path) -> None:
    bundled = load_encoder(device="cpu", batch_size=4)
    (tmp_path / "out").mkdir()
    export_network(bundled, tmp_path / "out")
    again = load_encoder(weights=tmp_path / "out" / "model.onnx", device="cpu", batch_size=4)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    np.testing.assert_allclose(again.encode(pixels), bundled.encode(pixels), atol=1e-3)
    assert again.spec.pooling == "output embeddings"
    with pytest.raises(CuratorError, match="is an ONNX file already"):
        export_network(again, tmp_path / "twice")


@pytest.mark.parametrize(
    ("name", "model", "message"),
    [
        ("onnx", network(), "does not say how its pixels are normalised"),
        ("onnx@half,32", network(), "16 x 16 pixels, and 32 are asked for"),
        ("onnx@loud", network(), "cannot understand 'loud'"),
        ("onnx@half,output=x", network(), "no output 'x': give one of features, map"),
        ("onnx@half,output=map", network(), r"wanted features \[b, dim\]"),
        ("onnx@half", network(channels=1), r"wanted one input float \[b, 3, s, s\]"),
    ],
)
def test_what_does_not_fit_is_said(name: str, model: onnx.ModelProto, message: str, tmp_path: Path) -> None:
    with pytest.raises(CuratorError, match=message):
        load_encoder(name, weights=saved(model, tmp_path), device="cpu")


@pytest.mark.parametrize(
    "data",
    [b"", b"no protobuf", bytes(100), network().SerializeToString()[:-40]],
    ids=["empty", "text", "zeros", "cut"],
)
def test_damaged_files_are_named(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(data)
    with pytest.raises(CuratorError, match=r"net\.onnx"):
        load_encoder("onnx@half", weights=tmp_path / "net.onnx", device="cpu")


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/hostname", "beside.bin"])
@pytest.mark.parametrize("inside", [False, True])
def test_weights_in_other_files_are_refused(location: str, inside: bool, tmp_path: Path) -> None:
    model = network()
    tensor = model.graph.initializer[0]
    if inside:  # hidden in an attribute of a node
        model.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))
        tensor = model.graph.node[-1].attribute[0].t
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    (tmp_path / "beside.bin").write_bytes(KERNEL.tobytes())
    with pytest.raises(CuratorError, match="refused to load"):
        load_encoder("onnx@half", weights=saved(model, tmp_path), device="cpu")


def test_without_the_packages_the_command_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(network(), tmp_path)
    monkeypatch.setattr(
        _families, "find_spec", lambda name: None if name == "onnxruntime" else find_spec(name)
    )
    for name in ("onnx@half", "bundled"):
        with pytest.raises(CuratorError, match=r"pip install 'curator\[onnx\]'"):
            load_encoder(name, weights=path, device="cpu")


def test_a_file_is_asked_for() -> None:
    with pytest.raises(CuratorError, match=r"add --weights model\.onnx"):
        load_encoder("onnx")
