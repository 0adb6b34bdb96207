"""Finding encoders by name: plain or with a family, offline, with packages missing or at odds."""

import hashlib
import socket
import urllib.request
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from threading import Thread
from types import ModuleType

import huggingface_hub
import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torchvision.models import ResNet18_Weights, resnet18

from curator.encoders import _families, _imports, available_encoders, load_encoder
from curator.encoders.registry import FAMILIES, resolve
from curator.encoders.torchvision_models import downloaded, headless
from curator.errors import CuratorError


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No network and no downloaded weights; returns the folder where torch keeps checkpoints."""

    def refuse(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_available_encoders_say_where_their_weights_come_from() -> None:
    found = available_encoders()
    assert found["bundled"] == "included"
    assert found["torchvision:resnet50"] == found["timm:vit_small_patch14_dinov2.lvd142m"] == "downloaded"
    some = available_encoders("DINOv2")
    assert some == {name: weights for name, weights in found.items() if "dinov2" in name}
    assert 0 < len(some) < len(found)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("bundled", "bundled"),
        ("resnet50", "torchvision"),
        ("torchvision:resnet50.imagenet1k_v1", "torchvision"),
        ("timm:resnet50", "timm"),
        ("vit_small_patch14_dinov2.lvd142m", "timm"),
        ("timm:vit_small_patch14_dinov2@224", "timm"),
    ],
)
def test_plain_names_find_their_family(name: str, family: str) -> None:
    assert resolve(name)[0] == family


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("resnet5", "torchvision:resnet50"),
        ("torchvision:resnet51", "torchvision:resnet50"),
        ("bundle", "bundled"),
        ("timm:vit_small_patch14_dino2.lvd142m", "timm:vit_small_patch14_dinov2.lvd142m"),
        ("dinov2", "dinov2"),
        ("", "bundled"),
        ("openai:clip", "clip"),
    ],
)
def test_unknown_names_get_close_matches(name: str, near: str) -> None:
    with pytest.raises(CuratorError, match="unknown encoder") as caught:
        load_encoder(name)
    assert near in str(caught.value)


@pytest.mark.parametrize(
    "name", ["resnet50", "torchvision:resnet18", "timm:vit_small_patch14_dinov2.lvd142m", "timm:resnet18@96"]
)
def test_offline_names_two_ways_out(name: str, offline: Path) -> None:
    with pytest.raises(CuratorError, match="cannot be downloaded") as caught:
        load_encoder(name)
    message = str(caught.value)
    assert str(offline) in message  # where to put the file
    assert "--weights FILE" in message
    assert "https://" in message


def test_a_declared_offline_machine_is_not_asked(offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: pytest.fail("asked the network"))
    with pytest.raises(CuratorError, match="HF_HUB_OFFLINE is set"):
        load_encoder("timm:resnet18")


def test_a_network_that_never_answers_is_given_up(offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patience: list[float] = []

    def hang(*_: object, timeout: float) -> None:
        patience.append(timeout)
        raise TimeoutError("timed out")

    monkeypatch.setattr(urllib.request, "urlopen", hang)
    with pytest.raises(CuratorError, match="timed out"):
        load_encoder("resnet18")
    assert patience == [10]


def test_files_put_where_the_message_says_are_used_offline(offline: Path) -> None:
    torch.manual_seed(0)
    model = resnet18(weights=None)
    torch.save(model.state_dict(), offline / Path(ResNet18_Weights.DEFAULT.url).name)
    encoder = load_encoder("resnet18", device="cpu", batch_size=1)
    assert encoder.spec.name == "torchvision:resnet18.IMAGENET1K_V1"
    assert "model page" in encoder.spec.licence
    assert encoder.spec.dim == 512

    vit = timm.create_model("test_vit", num_classes=0)
    save_file(vit.state_dict(), offline / "test_vit.r160_in1k.safetensors")
    encoder = load_encoder("timm:test_vit", device="cpu", batch_size=1)
    assert encoder.spec.licence == "apache-2.0"
    assert encoder.spec.source == "timm/test_vit.r160_in1k"
    assert encoder.encode(np.zeros((1, 160, 160, 3), np.uint8)).shape == (1, 64)


def test_weights_in_the_cache_of_hugging_face_are_used_offline(
    offline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = tmp_path / "cached.safetensors"
    save_file(timm.create_model("test_vit", num_classes=0).state_dict(), cached)
    asked: list[tuple[str, str]] = []

    def look(page: str, file: str) -> str | None:
        asked.append((page, file))
        return str(cached) if file == "pytorch_model.bin" else None

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", look)
    spec = load_encoder("timm:test_vit", device="cpu", batch_size=1).spec
    assert spec.name == "timm:test_vit.r160_in1k"
    page = "timm/test_vit.r160_in1k"
    assert asked == [(page, "model.safetensors"), (page, "pytorch_model.bin")]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Address and folder of a small web server on this machine."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as running:
        thread = Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", folder
        running.shutdown()
        thread.join()


def test_downloads_are_checked_and_kept(
    server: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, folder = server
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    data = b"weights" * 1000
    good, bad = f"net-{hashlib.sha256(data).hexdigest()[:8]}.pth", "net-00000000.pth"
    for name in (good, bad):
        (folder / name).write_bytes(data)
    path = downloaded(f"{address}/{good}", "net")
    assert path.read_bytes() == data
    (folder / good).unlink()
    assert downloaded(f"{address}/{good}", "net") == path  # now from the cache
    with pytest.raises(CuratorError, match="invalid hash"):
        downloaded(f"{address}/{bad}", "net")
    with pytest.raises(CuratorError, match=r"download of .*absent-00000000\.pth failed"):
        downloaded(f"{address}/absent-00000000.pth", "net")
    assert [file.name for file in path.parent.iterdir()] == [good]  # nothing half downloaded is left


def test_weights_that_do_not_exist(tmp_path: Path) -> None:
    for name in ("bundled", "resnet18"):
        with pytest.raises(CuratorError, match=r"no weights file at.*absent\.pth"):
            load_encoder(name, weights=tmp_path / "absent.pth")


def test_a_file_without_an_architecture_asks_for_one(tmp_path: Path) -> None:
    torch.save({"conv1.weight": torch.ones(3)}, tmp_path / "dino.pth")
    with pytest.raises(CuratorError, match=r"--encoder resnet50 --weights dino\.pth"):
        load_encoder(weights=tmp_path / "dino.pth")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("torchvision:resnet18.nonsense", "IMAGENET1K_V1"),
        ("timm:resnet18.nonsense", "no weights resnet18.nonsense"),
        ("timm:resnet18@big", "resnet18@224"),
        ("timm:test_vit4", "no weights"),
    ],
)
def test_unknown_tags_and_sizes(name: str, message: str) -> None:
    with pytest.raises(CuratorError, match=message):
        load_encoder(name)


def failing(module: str, error: Exception) -> object:
    def fake(name: str) -> ModuleType:
        if name == module:
            raise error
        return import_module(name)

    return fake


def test_torchvision_built_for_another_torch_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    error = RuntimeError("operator torchvision::nms does not exist")
    monkeypatch.setattr(_imports, "import_module", failing("torchvision", error))
    for name in ("resnet18", "torchvision:resnet18", "timm:resnet18"):
        with pytest.raises(CuratorError, match=r"torchvision::nms.*pip install --force-reinstall"):
            load_encoder(name)


def test_timm_missing_gives_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_families, "find_spec", lambda _: None)
    with pytest.raises(CuratorError, match=r"pip install 'curator\[timm\]'"):
        load_encoder("timm:resnet18")
    with pytest.raises(CuratorError, match=r"unknown encoder.*pip install 'curator\[timm\]'"):
        load_encoder("vit_small_patch14_dinov2")
    assert not any(name.startswith("timm:") for name in available_encoders())


@pytest.mark.parametrize(
    "architecture",
    ["mobilenet_v3_small", "squeezenet1_0", "googlenet", "mnasnet0_5"],
)
def test_torchvision_networks_lose_their_scores_and_load_back(architecture: str, tmp_path: Path) -> None:
    family = FAMILIES["torchvision"]
    models = import_module("torchvision.models")
    slow = {"init_weights": False} if architecture == "googlenet" else {}
    model = models.get_model(architecture, weights=None, **slow)
    torch.save(model.state_dict(), tmp_path / "w.pth")
    loaded = family.load(architecture, tmp_path / "w.pth")
    batch = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features = loaded.network.eval()(batch)
        assert torch.equal(features, headless(model).eval()(batch))
    assert features.shape[1] != 1000
    assert 0.8 < loaded.crop_fraction < 1
