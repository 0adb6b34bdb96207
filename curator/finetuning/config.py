"""The settings of a fine-tune, each with its reason."""

from dataclasses import dataclass, replace

from curator.errors import CuratorError

PARTS = ("head", "last-block", "lora", "all")


@dataclass(frozen=True)
class FinetuneConfig:
    """How an encoder is fine-tuned from given labels and propagated ones."""

    train: str = "head"  # which part of the network learns, one of PARTS
    steps: int = 600  # of the optimiser where features are kept: seconds on one core
    network_steps: int = 150  # where the network itself runs: minutes on two cores
    labelled_batch: int = 64  # given labels a step, drawn so that all classes come equally often
    batch: int = 192  # images a step, three for each label (FixMatch takes seven: a longer step)
    network_labelled_batch: int = 16  # the same where the network itself runs:
    network_batch: int = 48  # 112 passes a step fit a laptop's memory
    views: int = 4  # strong views kept of each image where the network does not learn: more cost a pass each
    learning_rate: float = 3e-4  # of adapter and head: 1e-3 lost up to 1.5 points with 50 labels a class
    network_rate: float = 1e-4  # of the network's own weights: they are good already
    weight_decay: float = 1e-2  # AdamW's default
    warmup: float = 0.05  # of the steps: the first gradients are the wildest
    average: float = 0.99  # of the teacher's weights per step: a memory of 100 steps, of some hundreds
    momentum: float = 0.9  # of the running class shares and threshold: they are to follow within ten steps
    bootstrap: float = 0.5  # share of the steps over which propagated labels give way to the teacher's (AS3L)
    balance: float = 3.0  # at most how much more the images of a rare predicted class weigh
    temperature: float = 0.1  # of the head's cosines: the scale that self-supervised probes use
    lora_rank: int = 8  # of each linear layer's update: results differ little from 4 to 16 (Hu et al. 2021)
    flip: bool = True  # mirror images are of the same class: not so for digits and text
    folds: int = 5  # each label is held out once where features are kept; else a fifth of them is
    seed: int = 0

    @property
    def keeps_features(self) -> bool:
        """Whether the network stays as it is, so that its features can be computed once."""
        return self.train == "head"


def tuned_for(train: str, *, steps: int | None = None, flip: bool = True, seed: int = 0) -> FinetuneConfig:
    """The settings for a part to train; `steps` of either kind. `CuratorError` for a part that is none."""
    if train not in PARTS:
        raise CuratorError(f"unknown part {train!r} to train: give one of {', '.join(PARTS)}")
    config = FinetuneConfig(train=train, flip=flip, seed=seed)
    if steps is None:
        return config
    return replace(config, steps=steps, network_steps=steps)
