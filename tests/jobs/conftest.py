"""A small folder of images and an encoder that needs no network."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from curator.encoders import EncoderSpec
from curator.jobs import chosen_encoder
from curator.store import Workspace

SIDE = 8


@dataclass
class ProjectionEncoder:
    """A seeded random projection of the pixels: quick, deterministic, and it counts its calls."""

    dim: int = 16
    batch_size: int = 8
    calls: int = 0
    images: int = 0
    fail_after: int | None = None
    device: str = "cpu"

    @property
    def spec(self) -> EncoderSpec:
        return EncoderSpec(
            name=f"projection{self.dim}",
            input_size=SIDE,
            dim=self.dim,
            weights_sha256=f"seeded {self.dim}",
            pooling="none",
            licence="none",
            source="test",
        )

    def encode(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        if self.fail_after is not None and self.calls >= self.fail_after:
            raise KeyboardInterrupt
        self.calls += 1
        self.images += len(pixels)
        basis = np.random.default_rng(self.dim).normal(size=(SIDE * SIDE * 3, self.dim))
        features = (pixels.reshape(len(pixels), -1) / 255.0 - 0.5) @ basis
        unit: npt.NDArray[np.float32] = features / np.linalg.norm(features, axis=1, keepdims=True)
        return unit.astype(np.float32)


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> ProjectionEncoder:
    """The encoder that `embed` will load."""
    projection = ProjectionEncoder()
    monkeypatch.setattr(chosen_encoder, "load_encoder", lambda *_args, **_options: projection)
    return projection


def picture(kind: int, seed: int) -> Image.Image:
    """A noisy picture of one of a few kinds, told apart by their colour and which half is bright."""
    rng = np.random.default_rng([kind, seed])
    pixels = rng.integers(0, 60, size=(SIDE, SIDE, 3))
    pixels[: SIDE // 2 if kind % 2 else SIDE, :, kind % 3] += 180
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """60 images in three class folders."""
    folder = tmp_path / "photos"
    for kind, name in enumerate(["cat", "dog", "eel"]):
        (folder / name).mkdir(parents=True)
        for seed in range(20):
            picture(kind, seed).save(folder / name / f"{seed:02}.png")
    return folder


@pytest.fixture
def make_workspace(tmp_path: Path, photos: Path) -> Callable[[str], Workspace]:
    """Make a workspace of a given name for the photos."""
    return lambda name: Workspace.create(tmp_path / name, photos)


@pytest.fixture
def workspace(tmp_path: Path, photos: Path, database_address: str | None) -> Workspace:
    """A workspace for the photos."""
    return Workspace.create(tmp_path / ".curator", photos, database=database_address)
