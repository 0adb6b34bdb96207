"""curator outliers."""

from pathlib import Path
from typing import Any

import click

from curator_cli._edge import counted, emit_json, emit_table, tell, told_plainly
from curator_cli._options import table_options


@click.command("outliers")
@click.option(
    "--count",
    type=click.IntRange(min=1),
    help="How many to list.  [default: the outliers, or the farthest hundredth]",
)
@click.option(
    "--false-share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.1,
    show_default=True,
    help="The share of ordinary images to allow for among the outliers.",
)
@table_options
@told_plainly
def command(workspace: Path | None, as_json: bool, output: Path | None, **options: Any) -> None:
    """List the images that are farthest from all others, the farthest first.

    \b
    Example:
        curator outliers --output outliers.csv
    """
    from curator.jobs.outliers import outliers
    from curator.store import Workspace

    report, frame = outliers(Workspace.open(workspace), output=output, **options)
    if as_json:
        emit_json(outliers=report, images=frame)
    else:
        emit_table(frame, output)
    tell(f"{report.outliers:,} of {counted(report.images, 'image')} too far from all others to be ordinary")
    if report.listed > report.outliers:
        tell(f"the farthest {report.listed:,} are listed: look at them, they need not be wrong")
