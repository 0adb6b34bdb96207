"""curator report."""

from pathlib import Path
from typing import Any

import click

from curator_cli._edge import counted, emit_json, tell, told_plainly
from curator_cli._options import FILE, json_option, overwrite_option, seed_option, workspace_option


@click.command("report")
@click.option(
    "-o", "--output", type=FILE, default="report.html", show_default=True, help="The HTML file to write."
)
@seed_option
@overwrite_option
@workspace_option
@json_option
@told_plainly
def command(workspace: Path | None, as_json: bool, **options: Any) -> None:
    """Write one HTML file on the images, their labels, doubts, duplicates and what to do next.

    It holds its pictures and needs no network: mail it, print it, keep it.

    \b
    Example:
        curator report --output report.html
    """
    from curator.jobs.report import report
    from curator.store import Workspace
    from curator_cli._progress import bars

    with bars() as progress:
        summary = report(Workspace.open(workspace), progress=progress, **options)
    if as_json:
        emit_json(report=summary)
    else:
        click.echo(summary.output)
    tell(f"{counted(summary.images, 'image')}, {summary.sections} sections, {summary.size / 1e6:.1f} MB")
    if summary.unmade:
        tell(f"not in it yet, and why is said there: {', '.join(summary.unmade)}")
