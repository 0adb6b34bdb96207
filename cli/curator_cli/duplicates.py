"""curator duplicates."""

from pathlib import Path
from typing import Any

import click

from curator_cli._edge import counted, emit_json, emit_table, tell, told_plainly
from curator_cli._options import table_options


@click.command("duplicates")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="T",
    help="Similarity above which two images are near duplicates.  [default: chosen from the data]",
)
@table_options
@told_plainly
def command(workspace: Path | None, as_json: bool, output: Path | None, **options: Any) -> None:
    """List exact and near duplicates in groups, the one to keep first, and say why.

    Groups whose images are labelled differently come first.

    \b
    Example:
        curator duplicates --output duplicates.csv
    """
    from curator.jobs.duplicates import duplicates
    from curator.store import Workspace
    from curator_cli._progress import bars

    with bars() as progress:
        report, frame = duplicates(Workspace.open(workspace), output=output, progress=progress, **options)
    if as_json:
        emit_json(duplicates=report, groups=frame)
    else:
        emit_table(frame, output)
    tell(f"{counted(report.groups, 'group')}: {report.exact:,} exact and {report.near:,} near duplicates")
    tell(f"near duplicates are images of a similarity above {report.threshold:.3f} (--threshold)")
    if report.conflicts:
        tell(f"{counted(report.conflicts, 'group')} under different labels: at most one label is right")
