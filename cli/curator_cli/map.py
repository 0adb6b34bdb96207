"""curator map."""

from pathlib import Path
from typing import Any

import click

from curator_cli._edge import counted, emit_json, tell, told_plainly
from curator_cli._options import FILE, json_option, overwrite_option, seed_option, workspace_option


@click.command("map")
@click.option(
    "--color",
    type=click.Choice(["label", "proposed", "doubt"]),
    default="label",
    show_default=True,
    help="By given label, by proposed label where none is given, or by doubt about given labels.",
)
@click.option(
    "-o",
    "--output",
    type=FILE,
    default="map.png",
    show_default=True,
    help="A .png picture (needs matplotlib), or an interactive .html page that needs nothing else.",
)
@seed_option
@overwrite_option
@workspace_option
@json_option
@told_plainly
def command(workspace: Path | None, as_json: bool, **options: Any) -> None:
    """Draw all images in the plane, alike ones near each other.

    The places are kept: images added later do not move the others.

    \b
    Example:
        curator map --color doubt --output map.html
    """
    from curator.jobs.map import map_images
    from curator.store import Workspace

    report = map_images(Workspace.open(workspace), **options)
    if as_json:
        emit_json(map=report)
    else:
        click.echo(report.output)
    with_pictures = f", {report.pictures:,} of them with a picture" if report.pictures else ""
    tell(f"{counted(report.images, 'image')}, {report.coloured:,} with a colour{with_pictures}")
