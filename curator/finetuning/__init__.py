"""Semi-supervised fine-tuning of an encoder, with the labels at hand as its judge."""

from curator.finetuning.config import PARTS, FinetuneConfig
from curator.finetuning.gate import Verdict
from curator.finetuning.tune import Material, Moment, Tuned, finetune

__all__ = ["PARTS", "FinetuneConfig", "Material", "Moment", "Tuned", "Verdict", "finetune"]
