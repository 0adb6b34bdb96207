"""curator export."""

from pathlib import Path

import click

from curator_cli._edge import counted, emit_json, tell, told_plainly
from curator_cli._formats import FormatCommand, format_option
from curator_cli._options import FILE, json_option, overwrite_option, workspace_option


@click.command("export", cls=FormatCommand)
@click.argument("output", type=click.Path(path_type=Path), metavar="OUT")
@format_option("write")
@click.option("--rows", type=FILE, help="Only the images of this table (to label, suspects), in its order.")
@click.option(
    "--link",
    type=click.Choice(["symlink", "hard", "copy"]),
    default="symlink",
    show_default=True,
    help="How images come into a folder.",
)
@click.option("--prefix", help="Goes before each path in Label Studio.  [default: its local files]")
@overwrite_option
@workspace_option
@json_option
@told_plainly
def command(
    output: Path,
    format_name: str,
    rows: Path | None,
    link: str,
    prefix: str | None,
    overwrite: bool,
    workspace: Path | None,
    as_json: bool,
) -> None:
    """Write images, labels, predictions and scores to OUT, for another tool.

    \b
    Example:
        curator export labels.json --format coco
    """
    from curator.formats import Options
    from curator.jobs.export import export
    from curator.store import Workspace

    options = Options(link, prefix)
    opened = Workspace.open(workspace)
    report = export(opened, output, format_name, rows=rows, options=options, overwrite=overwrite)
    tell(f"{counted(report.images, 'image')}, {report.labelled:,} of them labelled, written to {output}")
    if as_json:
        emit_json(export=report)
