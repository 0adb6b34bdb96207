"""curator faults."""

from pathlib import Path

import click

from curator_cli._edge import counted, emit_json, emit_table, tell, told_plainly
from curator_cli._options import table_options


@click.command("faults")
@table_options
@told_plainly
def command(output: Path | None, overwrite: bool, workspace: Path | None, as_json: bool) -> None:
    """List pictures that are unreadable, blurred, dark, bright, empty, or of odd size, shape or colour.

    \b
    Example:
        curator faults --output faults.csv
    """
    from curator.jobs.faults import faults
    from curator.store import Workspace
    from curator_cli._progress import bars

    with bars() as progress:
        report, frame = faults(
            Workspace.open(workspace), output=output, overwrite=overwrite, progress=progress
        )
    if as_json:
        emit_json(faults=report, images=frame)
    else:
        emit_table(frame, output)
    kinds = ", ".join(f"{count:,} {fault}" for fault, count in report.counts.items() if count)
    tell(f"{report.faulty:,} of {counted(report.images, 'image')} have a fault{': ' if kinds else ''}{kinds}")
    if report.unreadable:
        tell(f"{counted(report.unreadable, 'file')} could not be read")
