"""The settings of a training run, each with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PretrainConfig:
    """How the compact network is found from unlabelled images; its shape is `NetworkConfig`'s."""

    patches: int = 250_000  # sampled for the filters and the dictionary: some thirty a word
    rounds: int = 5  # of k-means: the dictionary has settled by then
    whitening: float = 1e-4  # of the largest variance, added to all: keeps noise from being blown up
    passes: int = 3  # of the randomised singular value decomposition (Halko et al. 2011)
    pooled_sample: int = 20_000  # images on which the last projection is fitted
    power: float = 0.25  # 0 keeps the pooled features' variances, 0.5 makes them all equal
    shrinkage: float = 1e-2  # of the largest variance, added to all before the power is taken
    batch_size: int = 64
    seed: int = 0
