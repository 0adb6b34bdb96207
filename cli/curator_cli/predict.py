"""curator predict."""

import sys
from pathlib import Path

import click

from curator_cli._edge import counted, emit_json, emit_table, tell, told_plainly
from curator_cli._options import (
    IMAGES,
    device_option,
    json_option,
    output_option,
    overwrite_option,
    workspace_option,
)

SOME_UNREADABLE, SHOWN = 3, 5
BY = {"head": "the fine-tuned head", "neighbours": "their nearest images"}


@click.command("predict")
@click.argument("folder", type=IMAGES)
@device_option
@output_option
@overwrite_option
@click.option("--strict", is_flag=True, help="Exit with status 3 when an image could not be read.")
@workspace_option
@json_option
@told_plainly
def command(
    folder: Path,
    device: str,
    output: Path | None,
    overwrite: bool,
    strict: bool,
    workspace: Path | None,
    as_json: bool,
) -> None:
    """Label the images in FOLDER, which may lie anywhere, with what the workspace has learned.

    \b
    Example:
        curator predict new_photos --output labels_of_new_photos.csv
    """
    from curator.jobs.predict import predict
    from curator.store import Workspace
    from curator_cli._progress import bars

    opened = Workspace.open(workspace)
    with bars() as progress:
        report, frame = predict(
            opened, folder, device=device, output=output, overwrite=overwrite, progress=progress
        )
    if as_json:
        emit_json(predict=report, predictions=frame)
    else:
        emit_table(frame, output)
    tell(f"{counted(report.images, 'image')} labelled by {BY[report.by]}")
    _tell_unreadable(report.unreadable)
    if strict and report.unreadable:
        sys.exit(SOME_UNREADABLE)


def _tell_unreadable(files: list[dict[str, str]]) -> None:
    for file in files[:SHOWN]:
        tell(f"not read: {file['path']} {file['message']}")
    if len(files) > SHOWN:
        tell(f"... and {len(files) - SHOWN:,} more")
