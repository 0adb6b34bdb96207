"""Each fuzz target on its seeds and some hundred mutations of them: nothing crashes, nor does the harness."""

import warnings

import numpy as np
import pytest

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("name", TARGETS)
def test_a_few_hundred_mutations_raise_nothing_else(name: str) -> None:
    target, rng = TARGETS[name], np.random.default_rng(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch, of files that it refuses
        for seed in target.seeds:
            target.read(seed)
        for number in range(150):
            target.read(mutated(target.seeds[number % len(target.seeds)], rng))
