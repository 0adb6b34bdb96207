"""The current encoder and its head as files for other programs."""

from dataclasses import dataclass
from pathlib import Path

from curator.encoders.exporting import CARD, NETWORK, WEIGHTS, export_network
from curator.errors import CuratorError
from curator.jobs.chosen_encoder import remembered_encoder
from curator.store.runs import recorded
from curator.store.workspace import Workspace


@dataclass(frozen=True)
class ExportReport:
    """The folder written to; how many classes the head knows (0 without one); how far ONNX is from torch."""

    folder: str
    encoder: str
    classes: int
    difference: float


def export_model(workspace: Workspace, folder: Path, *, overwrite: bool = False) -> ExportReport:
    """Write the current encoder, and its head where it was fine-tuned, into `folder`, which is made."""
    there = [name for name in (WEIGHTS, NETWORK, CARD) if (folder / name).exists()]
    if there and not overwrite:
        raise CuratorError(f"{folder} holds {there[0]}: add --overwrite to replace it")
    with recorded(workspace.database, "export-model", {"folder": str(folder)}) as outcome:
        encoder = remembered_encoder(workspace, device="cpu")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            done = export_network(encoder, folder)
        except OSError as error:
            raise CuratorError(f"cannot write to {folder}: {error.strerror}") from error
        report = ExportReport(str(folder), encoder.spec.name, done.classes, done.difference)
        outcome |= vars(report)
    return report
