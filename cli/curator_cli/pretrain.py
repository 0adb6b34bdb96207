"""curator pretrain."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curator_cli._edge import counted, emit_json, tell, told_plainly
from curator_cli._options import (
    FILE,
    device_option,
    json_option,
    overwrite_option,
    seed_option,
    workspace_option,
)

if TYPE_CHECKING:
    from curator.pretraining import Epoch


@click.command("pretrain")
@click.option("-o", "--output", type=FILE, required=True, help="Where the weights go (.safetensors).")
@click.option(
    "--method",
    type=click.Choice(["manifold", "byol"]),
    default="manifold",
    show_default=True,
    help="In closed form, minutes on a CPU; or a larger network by gradients, hours on a GPU.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Of byol: how often each image is seen.",
)
@click.option(
    "--patience",
    type=click.IntRange(min=1),
    help="Of byol: stop after so many epochs in which labels saw no gain.  [default: never]",
)
@click.option(
    "--side",
    type=click.IntRange(min=8),
    default=32,
    show_default=True,
    help="Of byol: pixels a side that the network looks at.",
)
@click.option(
    "--max-images",
    type=click.IntRange(min=2),
    default=100_000,
    show_default=True,
    help="Train on a sample of at most so many images.",
)
@seed_option
@device_option
@overwrite_option
@workspace_option
@json_option
@told_plainly
def command(
    output: Path, workspace: Path | None, epochs: int, patience: int | None, as_json: bool, **options: Any
) -> None:
    """Train an encoder on the workspace's own images, without learning from labels.

    Then embed with it, and compare with other encoders in `curator status`. `--method byol` writes a
    checkpoint every 5 epochs: killed, and called again in the same way, it goes on from there.

    \b
    Example:
        curator pretrain --output mine.safetensors
        curator embed photos --weights mine.safetensors
    """
    from curator.jobs.pretrain import pretrain
    from curator.pretraining import ByolConfig
    from curator.store import Workspace
    from curator_cli._progress import bars

    with bars() as progress:
        report = pretrain(
            Workspace.open(workspace),
            output,
            byol=ByolConfig(epochs=epochs, patience=patience),
            progress=progress,
            tell=_tell_epoch,
            **options,
        )
    right = "" if report.knn_accuracy is None else f", {report.knn_accuracy:.1%} among neighbours"
    tell(
        f"trained on {counted(report.images, 'image')}{right}; use it with: "
        f"curator embed FOLDER --weights {output}"
    )
    if as_json:
        emit_json(pretrain=report)


def _tell_epoch(epoch: "Epoch") -> None:
    accuracy = "" if epoch.knn_accuracy is None else f", {epoch.knn_accuracy:.1%} among neighbours"
    tell(f"epoch {epoch.number:,} of {epoch.total:,}: loss {epoch.loss:.3f}{accuracy}")
