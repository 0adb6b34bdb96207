"""curator embed."""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curator_cli._edge import counted, emit_json, tell, told_plainly
from curator_cli._options import (
    FILE,
    FOLDER,
    device_option,
    encoder_option,
    engine_options,
    json_option,
    network_options,
)

if TYPE_CHECKING:
    from curator.jobs.embed import EmbedReport

SOME_UNREADABLE = 3


@click.command("embed")
@click.argument("images", metavar="FOLDER")
@encoder_option
@click.option(
    "--weights",
    type=FILE,
    help="Weights file (.safetensors, or a .pth that holds only tensors), or a network (.onnx).",
)
@network_options
@click.option("--labels-from-folders", is_flag=True, help="Label each image by the class folder it lies in.")
@click.option(
    "--follow-symlinks/--no-follow-symlinks",
    default=None,
    help="Read what links lead to outside FOLDER, too.  [default: as before; at first no]",
)
@device_option
@engine_options
@click.option("--batch-size", type=click.IntRange(min=1), help="Images per forward pass.")
@click.option(
    "--k",
    type=click.IntRange(min=1),
    help="Neighbours kept in the graph.  [default: as before; at first 50]",
)
@click.option("--strict", is_flag=True, help="Exit with status 3 when an image could not be read.")
@click.option(
    "-w",
    "--workspace",
    type=FOLDER,
    envvar="CURATOR_WORKSPACE",
    help="The workspace; by default the one for FOLDER here or above, else a new .curator here.",
)
@click.option(
    "--database",
    metavar="URL",
    envvar="CURATOR_DATABASE",
    help="Keep labels on a PostgreSQL server, postgresql+psycopg://USER@HOST/NAME; remembered, no password.",
)
@json_option
@told_plainly
def command(
    images: str,
    workspace: Path | None,
    database: str | None,
    strict: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Read the images in FOLDER into embeddings, an index and a kNN graph, in .curator/ here.

    FOLDER may also be a file that holds images (.tar, .npy, .parquet, .arrow), an address such as
    s3://bucket/photos or https://host/photos, or a .urls file with an address in each line.

    Only new and changed images are read; an interrupted run goes on where it was.

    \b
    Example:
        curator embed photos --labels-from-folders
    """
    from curator.images import checked_source
    from curator.jobs.embed import embed
    from curator.store.workspace import Workspace
    from curator_cli._progress import bars

    source = checked_source(images)
    opened = Workspace.create(workspace or Workspace.place_for(source), source, database=database)
    with bars() as progress, redirect_stdout(sys.stderr):  # Ray tells there of workers that died
        report = embed(opened, progress=progress, **options)
    tell(_sentence(report))
    if as_json:
        emit_json(embed=report)
    if strict and report.broken:
        sys.exit(SOME_UNREADABLE)


def _sentence(report: "EmbedReport") -> str:
    from curator.encoders import DEFAULT_ENCODER

    parts = [
        f"{counted(report.images, 'image')}: {report.embedded:,} embedded now, {report.reused:,} known before"
    ]
    if report.copies:
        parts.append(f"{report.copies:,} copies of others")
    if report.encoder != DEFAULT_ENCODER:
        parts.append(f"encoder {report.encoder}")
    if report.labelled:
        parts.append(f"{report.labelled:,} labelled by their folder")
    if report.broken:
        parts.append(f"{report.broken:,} could not be read (see {report.broken_list})")
    if report.ignored:
        parts.append(f"{counted(report.ignored, 'other file')} passed over")
    return "; ".join(parts)
