"""curator pretrain."""

from pathlib import Path
from typing import Any

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


@click.command("pretrain")
@click.option("-o", "--output", type=FILE, required=True, help="Where the weights go (.safetensors).")
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
def command(output: Path, workspace: Path | None, as_json: bool, **options: Any) -> None:
    """Train the compact encoder on the workspace's own images, without looking at a label.

    Then embed with it, and compare with other encoders in `curator status`.

    \b
    Example:
        curator pretrain --output mine.safetensors
        curator embed photos --weights mine.safetensors
    """
    from curator.jobs.pretrain import pretrain
    from curator.store import Workspace
    from curator_cli._progress import bars

    with bars() as progress:
        report = pretrain(Workspace.open(workspace), output, progress=progress, **options)
    tell(
        f"trained on {counted(report.images, 'image')}; use it with: curator embed FOLDER --weights {output}"
    )
    if as_json:
        emit_json(pretrain=report)
