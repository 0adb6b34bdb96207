"""The settings of a training run, each with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PretrainConfig:
    """How the compact network is found from unlabelled images; its shape is `NetworkConfig`'s."""

    patches: int = 250_000  # sampled for the filters and the dictionary: some thirty a word
    rounds: int = 5  # of k-means: the dictionary has settled by then
    whitening: float = 1e-4  # of the largest variance, added to all: keeps noise from being blown up
    sample: int = 20_000  # images whose words are counted: the minutes are bounded, however many there are
    passes: int = 3  # of the randomised singular value decomposition (Halko et al. 2011)
    power: float = 0.25  # 0 keeps the pooled features' variances, 0.5 makes them all equal
    shrinkage: float = 1e-2  # of the largest variance, added to all before the power is taken
    batch_size: int = 64
    seed: int = 0


@dataclass(frozen=True)
class ByolConfig:
    """How the residual network is trained by gradients."""

    epochs: int = 200
    batch_size: int = 256
    views: int = 4  # of each image a step
    rate: float = 0.12  # a batch of 256; .06 a batch of 128 is what the Lightly benchmark found
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup_epochs: int = 10
    clip: float = 3.0  # of the gradient's norm: early steps on few images can be wild
    slow: float = 0.99  # momentum of the slow average at first; it ends at 1
    hidden: int = 1024
    projected: int = 256
    check_every: int = 5  # epochs between checkpoints, and measurements
    patience: int | None = None  # epochs without a better accuracy among neighbours after which to stop
    seed: int = 0
