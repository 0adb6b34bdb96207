"""Blurred, dark, bright, empty and odd pictures: measures of one picture, and which are faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from curator._arrays import Reals

__all__ = ["FAULTS", "LONGEST", "Measures", "fault_scores", "measured"]

LONGEST = 256  # pixels: what an encoder sees; blur that is gone at this size does no harm to it
_LUMA = np.array([0.241, 0.691, 0.068])  # perceived brightness, Finley's HSP model, as in CleanVision
_WINDOW = 9  # of the second blur, Crete et al.
_MODES_OF_PRINT = ("CMYK", "LAB", "YCbCr")
_UNUSUAL = 0.1  # grey images are odd among so few others, and colour ones likewise

# From which score on an image is listed. The limits of dark, bright, low_information and odd_aspect are
# CleanVision's; those of blur and size are set so that photographs of ten kinds (Imagenette) pass.
FAULTS: Mapping[str, float] = {
    "blurred": 0.55,
    "dark": 0.68,
    "bright": 0.95,
    "low_information": 0.625,
    "odd_aspect": 0.65,
    "odd_size": 0.75,
    "odd_colour": 0.9,
}


class Measures(NamedTuple):
    """What is measured of one picture; all but `grey` and `print_mode` between 0 and 1.

    `blur` is the blur effect, `darkest` and `brightest` the 5 % and 99 % quantiles of brightness,
    `information` the entropy of the grey values, as a share of 8 bits.
    """

    blur: float
    darkest: float
    brightest: float
    information: float
    grey: float
    print_mode: float


def measured(pixels: npt.NDArray[np.uint8], mode: str = "RGB") -> Measures:
    """Measure one picture, RGB uint8 [h, w, 3]; `mode` is Pillow's name for what its file holds."""
    rgb = pixels.astype(np.float64)
    brightness = np.sqrt((rgb / 255) ** 2 @ _LUMA)
    darkest, brightest = np.quantile(brightness, [0.05, 0.99])
    grey = rgb.mean(axis=2)
    counts = np.bincount(grey.astype(np.uint8).ravel(), minlength=256)
    shares = counts[counts > 0] / grey.size
    return Measures(
        blur_effect(grey),
        float(darkest),
        float(brightest),
        float(-(shares * np.log2(shares)).sum() / 8),
        float((pixels.max(axis=2) - pixels.min(axis=2)).max() <= 2),
        float(mode in _MODES_OF_PRINT),
    )


def blur_effect(grey: Reals) -> float:
    """How little a picture [h, w] changes when it is blurred again: 0 sharp, 1 blurred.

    Crete et al., "The blur effect: perception and estimation with a new no-reference perceptual blur metric"
    (SPIE 6492, 2007), of the direction that is blurred more. It does not depend on contrast. 0 for a picture
    without any edge: nothing can be said of it.
    """
    from scipy.ndimage import uniform_filter1d

    worst = 0.0
    for axis in (0, 1):
        if grey.shape[axis] < 2:
            continue
        before = np.abs(np.diff(grey, axis=axis))
        again = np.abs(np.diff(uniform_filter1d(grey, _WINDOW, axis=axis), axis=axis))
        lost, total = np.maximum(before - again, 0).sum(), before.sum()
        worst = max(worst, float((total - lost) / total) if total > grey.size * 0.1 else 0.0)
    return worst


def fault_scores(measures: npt.NDArray[Any], sizes: npt.NDArray[Any]) -> dict[str, Reals]:
    """Of each fault in `FAULTS` how bad it is for each picture, float64 [n] between 0 and 1.

    Args:
        measures: rows of `Measures`, float [n, 6].
        sizes: width and height in pixels, int [n, 2].

    """
    blur, darkest, brightest, information, grey, print_mode = measures.astype(np.float64).T
    width, height = np.maximum(sizes.astype(np.float64), 1).T
    side = np.sqrt(width * height)
    ratio = side / np.median(side) if len(side) else side
    grey_share = grey.mean() if len(grey) else 0.0
    odd_grey = np.where(grey > 0, 1 - grey_share, grey_share) * (min(grey_share, 1 - grey_share) < _UNUSUAL)
    return {
        "blurred": blur,
        "dark": 1 - brightest,
        "bright": darkest,
        "low_information": 1 - information,
        "odd_aspect": 1 - np.minimum(width / height, height / width),
        "odd_size": 1 - np.minimum(ratio, 1 / ratio),
        "odd_colour": np.maximum(print_mode, odd_grey),
    }
