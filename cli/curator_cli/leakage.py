"""curator leakage."""

from pathlib import Path
from typing import Any

import click

from curator_cli._edge import counted, emit_json, emit_table, tell, told_plainly
from curator_cli._options import IMAGES, device_option, table_options


@click.command("leakage")
@click.option("--test", type=IMAGES, required=True, help="The folder of test images.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="T",
    help="Similarity above which pictures are compared.  [default: chosen from the data]",
)
@device_option
@table_options
@told_plainly
def command(workspace: Path | None, test: Path, as_json: bool, output: Path | None, **options: Any) -> None:
    """List the images of a test folder of which the workspace holds an exact or near duplicate.

    \b
    Example:
        curator leakage --test photos_test --output leakage.csv
    """
    from curator.jobs.leakage import leakage
    from curator.store import Workspace
    from curator_cli._progress import bars

    with bars() as progress:
        report, frame = leakage(Workspace.open(workspace), test, output=output, progress=progress, **options)
    if as_json:
        emit_json(leakage=report, images=frame)
    else:
        emit_table(frame, output)
    said = f"{report.exact:,} are in the workspace as they are, {report.near:,} nearly so"
    tell(f"of {counted(report.images, 'test image')} {said}")
    if report.broken:
        tell(f"{report.broken:,} could not be read")
