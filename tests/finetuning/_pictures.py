"""Pictures whose class is small beside what else is in them: what a fine-tune is for."""

from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ("bars", "dots", "plain")


def picture(kind: int, seed: int) -> Image.Image:
    """Random colours under one of six textures, and a small pattern in it that tells the kind."""
    rng = np.random.default_rng([kind, seed])
    coarse = Image.fromarray(rng.integers(0, 256, size=(4, 4, 3), dtype=np.uint8))
    pixels = np.asarray(coarse.resize((32, 32), Image.Resampling.BICUBIC), dtype=np.int64).copy()
    rows, columns = np.mgrid[:32, :32]
    slopes = ((0, 1), (1, 0), (1, 1), (1, -1), (2, 1), (0, 0))[rng.integers(6)]
    texture = (slopes[0] * rows + slopes[1] * columns) // 3 % 2
    pixels += 60 * (texture[..., None] * 2 - 1)
    if kind < 2:
        pattern = (columns // 2 + kind * (rows // 2))[:8, :8] % 2
        pixels[8:16, 8:16] += 90 * (pattern[..., None] * 2 - 1)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def save_pictures(folder: Path, each: int, *, first_seed: int = 0) -> None:
    """Write `each` pictures of every kind, one folder a kind."""
    for kind, name in enumerate(NAMES):
        (folder / name).mkdir(parents=True)
        for seed in range(first_seed, first_seed + each):
            picture(kind, seed).save(folder / name / f"{seed:03}.png")
