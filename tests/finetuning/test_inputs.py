"""Features of images and of their views, before the training begins."""

import numpy as np
import pytest
from torch import Generator

from curator.encoders import load_encoder
from curator.finetuning._inputs import kept_features
from curator.finetuning.config import FinetuneConfig


def test_the_views_do_not_depend_on_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    encoder = load_encoder("bundled", device="cpu", batch_size=8)
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv("CURATOR_THREADS", threads)
        generator = Generator().manual_seed(0)
        config = FinetuneConfig(views=2)
        found.append(kept_features(encoder, images, config, generator, lambda *_said: None))
    np.testing.assert_array_equal(found[0].strong_views, found[1].strong_views)
