"""Training without labels: the compact network in closed form, a residual one by gradients."""

from curator.pretraining.byol import Epoch, pretrain_byol
from curator.pretraining.config import ByolConfig, PretrainConfig
from curator.pretraining.train import Pretrained, pretrain

__all__ = ["ByolConfig", "Epoch", "PretrainConfig", "Pretrained", "pretrain", "pretrain_byol"]
