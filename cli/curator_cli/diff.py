"""curator diff."""

from pathlib import Path

import click

from curator_cli._edge import counted, emit_json, emit_table, tell, told_plainly
from curator_cli._options import table_options


@click.command("diff")
@click.argument("before", required=False)
@click.argument("after", required=False)
@click.option(
    "--verb",
    type=click.Choice(["propagate", "audit"]),
    help="Whose last two runs to compare.  [default: propagate, where it has two]",
)
@table_options
@told_plainly
def command(
    before: str | None,
    after: str | None,
    verb: str | None,
    output: Path | None,
    overwrite: bool,
    workspace: Path | None,
    as_json: bool,
) -> None:
    """Compare two runs or tables: what changed, image by image.

    Without BEFORE and AFTER, the last two runs of propagate (or audit) with different results. The last five
    of each are kept, and named as in propagate:3; files are CSV files of predictions, suspects or images to
    label. Images are known by their content (column `id`), also under another name.

    \b
    Example:
        curator diff predictions.csv predictions_2.csv
    """
    from curator.jobs.diff import diff
    from curator.store import Workspace

    opened = None if workspace is None else Workspace.open(workspace)
    report, frame = diff(before, after, workspace=opened, verb=verb, output=output, overwrite=overwrite)
    if as_json:
        emit_json(diff=report, changes=frame)
    else:
        emit_table(frame, output)
    what = f"{report.relabelled:,} with another {report.label}" if report.label else "no label to compare"
    tell(f"{counted(report.common, 'image')} in both: {what}, {report.moved:,} moved by .05 or more")
    tell(f"{report.appeared:,} appeared, {report.disappeared:,} disappeared")
