"""`curator pretrain` by either method: weights that load as an encoder, judged by the labels at hand."""

from functools import partial
from pathlib import Path

import pytest

from curator.encoders import load_encoder
from curator.errors import CuratorError, MissingWorkError
from curator.jobs import pretrain as pretrain_module
from curator.jobs.embed import embed
from curator.jobs.pretrain import pretrain
from curator.pretraining import ByolConfig, Epoch, PretrainConfig
from curator.pretraining.byol import checkpoint_of
from curator.store import Workspace

from .conftest import ProjectionEncoder

SHORT = ByolConfig(epochs=2, batch_size=32, views=2, warmup_epochs=1, hidden=32, projected=16, check_every=1)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few patches are enough for plain pictures."""
    monkeypatch.setattr(pretrain_module, "PretrainConfig", partial(PretrainConfig, patches=9000, rounds=1))


@pytest.fixture
def embedded(workspace: Workspace, encoder: ProjectionEncoder) -> Workspace:
    embed(workspace, labels_from_folders=True)
    return workspace


@pytest.mark.parametrize("method", ["manifold", "byol"])
def test_weights_load_and_labels_judge(method: str, embedded: Workspace, tmp_path: Path) -> None:
    output = tmp_path / "w.safetensors"
    report = pretrain(embedded, output, method=method, byol=SHORT, side=8, device="cpu")
    assert (report.images, report.weights) == (60, str(output))
    assert report.knn_accuracy is not None
    assert report.knn_accuracy > 0.5  # three kinds of plain pictures
    spec = load_encoder(weights=output, device="cpu").spec
    assert (spec.dim, spec.input_size) == (report.dim, 8 if method == "byol" else 32)


def test_an_interrupted_run_goes_on(embedded: Workspace, tmp_path: Path) -> None:
    output, seen = tmp_path / "w.safetensors", list[int]()

    def stop(epoch: Epoch) -> None:
        seen.append(epoch.number)
        if seen == [1, 2]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(embedded, output, method="byol", byol=SHORT, side=8, device="cpu", tell=stop)
    assert checkpoint_of(output).exists()
    pretrain(embedded, output, method="byol", byol=SHORT, side=8, device="cpu", tell=stop)
    assert seen == [1, 2, 2]


def test_without_labels_nothing_is_judged(
    workspace: Workspace, encoder: ProjectionEncoder, tmp_path: Path
) -> None:
    with pytest.raises(MissingWorkError, match="no image is known here yet"):
        pretrain(workspace, tmp_path / "w.safetensors")
    embed(workspace)
    report = pretrain(workspace, tmp_path / "w.safetensors", max_images=20, device="cpu")
    assert (report.images, report.knn_accuracy) == (20, None)


def test_methods_are_listed(embedded: Workspace, tmp_path: Path) -> None:
    with pytest.raises(CuratorError, match="unknown method 'dino': give one of manifold, byol"):
        pretrain(embedded, tmp_path / "w.safetensors", method="dino")
