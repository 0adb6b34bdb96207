"""Colours of maps, for the screen and for paper: one for each class, or from sound to doubtful."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

__all__ = ["NOTHING", "palette", "palettes"]

NOTHING = 255  # the code of images without a label, a proposal, a doubt

Colours = npt.NDArray[np.uint8]

# Hues apart for colour-blind eyes too (Okabe and Ito; Tol), then around the circle.
_HUES = (
    "0072b2", "d9822b", "009e73", "c4569b", "56b4e9", "b8a11a", "cc3d2f", "7a5cc7", "5b8c3a", "8c6d4f",
)  # fmt: skip
_GOLDEN_ANGLE = 137.508  # degrees: keeps neighbouring codes far apart on the circle
_SOUND_TO_DOUBTFUL = {False: ((140, 188, 176), (190, 70, 20)), True: ((64, 112, 100), (240, 140, 90))}
_NOTHING = {False: (196, 194, 187), True: (78, 84, 80)}


@cache
def palette(*, doubt: bool, dark: bool = False) -> Colours:
    """The colour of each code, uint8 [256, 4], RGBA: classes by number, doubts from 0 to 254, nothing at 255.

    Args:
        doubt: whether codes are doubts, not classes.
        dark: for a dark ground, instead of a light one.

    """
    codes = np.arange(NOTHING)
    rgb = _between(codes / (NOTHING - 1), *_SOUND_TO_DOUBTFUL[dark]) if doubt else _classes(codes)
    colours = np.full((NOTHING + 1, 4), 255, np.uint8)
    colours[:NOTHING, :3] = np.rint(rgb)
    colours[NOTHING, :3] = _NOTHING[dark]
    return colours


def palettes() -> bytes:
    """All four tables for a page: classes on light and on dark ground, then doubts; 4 x 1,024 bytes."""
    return b"".join(
        palette(doubt=doubt, dark=dark).tobytes() for doubt in (False, True) for dark in (False, True)
    )


def _classes(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Colours [m, 3] from 0 to 255."""
    chosen = np.array([list(bytes.fromhex(hue)) for hue in _HUES], np.float64)
    steps = (np.array([0, 8, 4]) + codes[:, None] * _GOLDEN_ANGLE % 360 / 30) % 12  # [m, 3], HSL to RGB
    turned = 255 * (0.52 - 0.3 * np.clip(np.minimum(steps - 3, 9 - steps), -1, 1))
    colours: npt.NDArray[np.float64] = np.where(
        (codes < len(chosen))[:, None], chosen[codes % len(chosen)], turned
    )
    return colours


def _between(
    shares: npt.NDArray[np.float64], start: tuple[int, int, int], end: tuple[int, int, int]
) -> npt.NDArray[np.float64]:
    """Colours [m, 3] on the straight line from one to another."""
    low, high = np.array(start, np.float64), np.array(end, np.float64)
    colours: npt.NDArray[np.float64] = low + shares[:, None] * (high - low)
    return colours
