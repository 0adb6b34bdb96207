"""What goes wrong on a cluster is told with the name of the image or block, and never stops the others."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from curator.encoders import Encoder, EncoderSpec, load_encoder
from curator.errors import CuratorError
from curator.images import Decoded
from curator.jobs import embed as embed_module
from curator.jobs._engines import cluster as cluster_module
from curator.jobs._engines import open_engine
from curator.jobs._engines.cluster import ray_engine
from curator.jobs.embed import EmbedReport
from curator_cli import main

from .bench import embedded, make_photos

DEADLY = "00003.png"


def bundled(device: str) -> Encoder:
    return load_encoder(device=device, batch_size=8)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    make_photos(tmp_path / "photos", 6)
    return tmp_path / "photos"


@pytest.mark.xdist_group("cluster")
def test_an_image_that_kills_its_reader_is_broken_and_the_others_are_not(
    cluster: Any, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadly = (photos / DEADLY).read_bytes()

    class DeadlySpec(EncoderSpec):
        def decode(self, data: bytes) -> Decoded:
            if data == deadly:
                os._exit(1)
            return super().decode(data)

    monkeypatch.setattr(cluster_module, "RETRIES", 0)
    paths = sorted(path.name for path in photos.iterdir())
    with ray_engine(bundled, "cpu", None) as engine:
        facts = {name: getattr(engine.spec, name) for name in EncoderSpec.__dataclass_fields__}
        engine.spec = DeadlySpec(**facts)
        (batch,) = engine.read(photos, [list(enumerate(paths))])
        contents = [image.content_hash for image in batch.images if image.content_hash is not None]
        rows = engine.encode(batch, contents).result()
    reasons = {paths[image.image_id]: image.reason for image in batch.images}
    assert reasons == dict.fromkeys(paths) | {DEADLY: "crash", "broken.png": reasons["broken.png"]}
    expected = bundled("cpu").encode(
        np.stack(
            [
                engine.spec.decode((photos / paths[i.image_id]).read_bytes()).pixels
                for i in batch.images
                if i.content_hash
            ]
        )
    )
    np.testing.assert_array_equal(rows, expected.astype(np.float16))


@pytest.mark.xdist_group("cluster")
def test_images_and_blocks_are_named(cluster: Any, photos: Path) -> None:
    def fail(low: int, high: int) -> None:
        raise OSError(28, "No space left on device")

    with ray_engine(bundled, "cpu", None) as engine:
        with pytest.raises(CuratorError, match=r"rows 1,000 to 1,999: .*No space left"):
            list(engine.map_blocks(fail, [(1000, 2000)]))
        (batch,) = engine.read(photos, [[(0, "00001.png"), (1, "00002.png")]])
        pending = engine.encode(batch, ["not a content of these"])
        with pytest.raises(CuratorError, match=r"the images 00001\.png to 00002\.png: an image has changed"):
            pending.result()


@pytest.mark.xdist_group("cluster")
def test_a_machine_with_other_versions_is_named(cluster: Any, photos: Path) -> None:
    with ray_engine(bundled, "cpu", None) as engine:
        engine._order = replace(engine._order, encoder="another")
        (batch,) = engine.read(photos, [[(0, "00001.png")]])
        contents = [image.content_hash for image in batch.images if image.content_hash]
        with pytest.raises(CuratorError, match=r"the encoder on .* is not that of the machine"):
            engine.encode(batch, contents).result()


@pytest.mark.xdist_group("cluster")
def test_mistakes_are_told_before_any_work(cluster: Any, photos: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(CuratorError, match="no machine of the cluster has a GPU"),
        ray_engine(bundled, "cuda", None),
    ):
        pass
    with pytest.raises(CuratorError, match="unknown encoder 'nonsuch'"):
        embedded(tmp_path / "w", photos, engine="ray", encoder="nonsuch")


@pytest.mark.parametrize(
    ("name", "address", "message"),
    [
        ("rya", None, "unknown engine 'rya': give one of local, ray"),
        ("local", "127.0.0.1:6379", "add --engine ray"),
        ("ray", "somewhere", "wanted HOST:PORT"),
        ("ray", "127.0.0.1:1", r"no Ray cluster answers at 127\.0\.0\.1:1 .*ray start"),
    ],
)
def test_an_engine_that_cannot_be(name: str, address: str | None, message: str) -> None:
    with pytest.raises(CuratorError, match=message), open_engine(name, bundled, "cpu", address):
        pass


def test_without_ray_the_command_to_type_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_name: str) -> None:
        raise ModuleNotFoundError("No module named 'ray'")

    monkeypatch.setattr(cluster_module, "import_module", absent)
    with (
        pytest.raises(CuratorError, match=r"pip install 'curator\[ray\]'"),
        open_engine("ray", bundled, "cpu"),
    ):
        pass


@pytest.mark.xdist_group("cluster")
def test_the_command_prints_its_result_alone_whatever_ray_prints(
    cluster: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray tells of dead workers on stdout, from a thread of its own, whenever it hears of them."""
    embed = embed_module.embed

    def noisy(*arguments: Any, **options: Any) -> EmbedReport:
        sys.stdout.write("(raylet) A worker died\n")
        return embed(*arguments, **options)

    monkeypatch.setattr(embed_module, "embed", noisy)
    words = ["embed", str(photos), "-w", str(tmp_path / "w"), "--engine", "ray", "--k", "3", "--json"]
    result = CliRunner().invoke(main, words)
    assert json.loads(result.stdout)["embed"]["embedded"] == 6
    assert "A worker died" in result.stderr
