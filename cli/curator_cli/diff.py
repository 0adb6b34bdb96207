"""curator diff."""

from pathlib import Path

import click

from curator_cli._edge import counted, emit_json, emit_table, tell, told_plainly
from curator_cli._options import FILE, json_option, output_option, overwrite_option


@click.command("diff")
@click.argument("before", type=FILE)
@click.argument("after", type=FILE)
@output_option
@overwrite_option
@json_option
@told_plainly
def command(before: Path, after: Path, output: Path | None, overwrite: bool, as_json: bool) -> None:
    """Compare two tables of predictions, suspects or images to label: what changed, image by image.

    Images are known by their content (column `id`), also under another name.

    \b
    Example:
        curator diff predictions.csv predictions_2.csv
    """
    from curator.jobs.diff import diff

    report, frame = diff(before, after, output=output, overwrite=overwrite)
    if as_json:
        emit_json(diff=report, changes=frame)
    else:
        emit_table(frame, output)
    what = f"{report.relabelled:,} with another {report.label}" if report.label else "no label to compare"
    tell(f"{counted(report.common, 'image')} in both: {what}, {report.moved:,} moved by .05 or more")
    tell(f"{report.appeared:,} appeared, {report.disappeared:,} disappeared")
