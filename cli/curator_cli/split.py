"""curator split."""

from pathlib import Path
from typing import Any

import click

from curator_cli._edge import counted, emit_json, emit_table, tell, told_plainly
from curator_cli._options import seed_option, table_options

SHARE = click.FloatRange(0, 1)


@click.command("split")
@click.option("--train", type=SHARE, default=0.8, show_default=True, help="Share of the training set.")
@click.option("--validation", type=SHARE, default=0.1, show_default=True, help="Share for validation.")
@click.option("--test", type=SHARE, default=0.1, show_default=True, help="Share of the test set.")
@click.option(
    "--group-column",
    metavar="FILE.csv:COLUMN",
    help="Keep images with the same value there together, too (a patient, a film).",
)
@seed_option
@table_options
@told_plainly
def command(workspace: Path | None, as_json: bool, output: Path | None, **options: Any) -> None:
    """Cut the images into training, validation and test sets, stratified by class.

    Duplicates never part: a test image has no copy in the training set.

    \b
    Example:
        curator split --train 0.7 --validation 0.15 --test 0.15 --output splits.csv
    """
    from curator.jobs.split import split
    from curator.store import Workspace
    from curator_cli._progress import bars

    with bars() as progress:
        report, frame = split(Workspace.open(workspace), output=output, progress=progress, **options)
    if as_json:
        emit_json(split=report, images=frame)
    else:
        emit_table(frame, output)
    tell(", ".join(f"{count:,} {name}" for name, count in report.counts.items()))
    tell(f"{counted(report.grouped, 'image')} kept together in {counted(report.groups, 'group')}")
    if report.missing:
        more = f" and {len(report.missing) - 5:,} more" if len(report.missing) > 5 else ""
        tell(f"too few images for every class in every split: no {', no '.join(report.missing[:5])}{more}")
