"""Self-supervised training of the compact network on unlabelled images."""

from curator.pretraining.config import PretrainConfig
from curator.pretraining.train import Pretrained, pretrain

__all__ = ["PretrainConfig", "Pretrained", "pretrain"]
