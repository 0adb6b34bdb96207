"""Faults of pictures: what is planted is found, what is sound is not, and scores stay in [0, 1]."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from curator.data_faults.quality import FAULTS, Measures, blur_effect, fault_scores, measured

Pixels = npt.NDArray[np.uint8]


def scene(seed: int, height: int = 96, width: int = 128) -> Pixels:
    """A picture with edges and colours: overlapping bright rectangles on a gradient."""
    rng = np.random.default_rng(seed)
    pixels = np.tile(np.linspace(40, 120, width)[None, :, None], (height, 1, 3))
    for _ in range(40):
        top, left = rng.integers(0, height - 8), rng.integers(0, width - 8)
        pixels[top : top + rng.integers(4, 30), left : left + rng.integers(4, 40)] = rng.integers(0, 255, 3)
    return np.asarray(pixels + rng.normal(0, 3, pixels.shape)).clip(0, 255).astype(np.uint8)


def faults_of(*pictures: Pixels, mode: str = "RGB") -> list[set[str]]:
    """The faults of each of some pictures among 30 sound ones."""
    every = [scene(seed) for seed in range(30)] + list(pictures)
    measures = np.array([measured(pixels) for pixels in every[:30]] + [measured(p, mode) for p in pictures])
    sizes = np.array([[pixels.shape[1], pixels.shape[0]] for pixels in every])
    scores = fault_scores(measures, sizes)
    listed = [{name for name in FAULTS if scores[name][row] > FAULTS[name]} for row in range(len(every))]
    assert not any(listed[:30])
    return listed[30:]


@pytest.mark.parametrize("seed", range(5))
def test_what_is_planted_is_found(seed: int) -> None:
    sound = scene(100 + seed)
    blurred = gaussian_filter(sound, (3, 3, 0))
    long = scene(seed, 20, 128)
    grey = np.repeat(sound.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    dark, bright = (sound * 0.2).astype(np.uint8), (250 + sound // 60).astype(np.uint8)
    large = scene(seed, 700, 900)
    assert faults_of(blurred) == [{"blurred"}]
    assert "dark" in faults_of(dark)[0]
    assert "bright" in faults_of(bright)[0]
    assert "low_information" in faults_of(np.full_like(sound, 128))[0]
    assert faults_of(long) == [{"odd_aspect"}]
    assert "odd_colour" in faults_of(grey)[0]
    assert "odd_size" in faults_of(large)[0]
    assert faults_of(sound, mode="CMYK") == [{"odd_colour"}]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_more_blur_scores_higher_and_contrast_does_not_matter(seed: int) -> None:
    grey = scene(seed).mean(axis=2)
    effects = [blur_effect(gaussian_filter(grey, radius)) for radius in (0, 1, 2, 4)]
    assert effects == sorted(effects)
    assert blur_effect(grey * 0.5 + 20) == pytest.approx(effects[0])


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 20), width=st.integers(1, 20), level=st.integers(0, 255), seed=st.integers(0, 99)
)
def test_scores_lie_between_0_and_1_for_any_picture(height: int, width: int, level: int, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    flat = np.full((height, width, 3), level, np.uint8)
    measures = np.array([measured(noise), measured(flat)])
    assert measures.shape == (2, len(Measures._fields))
    for scores in fault_scores(measures, np.array([[width, height], [height, width]])).values():
        assert ((scores >= 0) & (scores <= 1)).all()
