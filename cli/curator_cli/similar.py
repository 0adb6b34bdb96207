"""curator similar."""

from pathlib import Path

import click

from curator_cli._edge import emit_json, emit_table, told_plainly
from curator_cli._options import FILE, device_option, table_options


@click.command("similar")
@click.argument("image", type=FILE)
@click.option(
    "--count", type=click.IntRange(min=1), default=10, show_default=True, help="How many images to list."
)
@device_option
@table_options
@told_plainly
def command(
    image: Path,
    count: int,
    device: str,
    output: Path | None,
    overwrite: bool,
    workspace: Path | None,
    as_json: bool,
) -> None:
    """List the images most like IMAGE, which may lie anywhere.

    \b
    Example:
        curator similar odd.jpg --count 20
    """
    from curator.jobs.similar import similar
    from curator.store import Workspace

    frame = similar(
        Workspace.open(workspace), image, count=count, device=device, output=output, overwrite=overwrite
    )
    if as_json:
        emit_json(similar=frame)
    else:
        emit_table(frame, output)
