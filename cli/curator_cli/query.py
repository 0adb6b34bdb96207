"""curator query."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curator_cli._edge import counted, emit_json, emit_table, tell, told_plainly
from curator_cli._options import seed_option, table_options

if TYPE_CHECKING:
    from curator.queries import ExpectedGain


@click.command("query")
@click.option("--budget", type=click.IntRange(min=1), required=True, help="How many images to choose.")
@click.option(
    "--strategy",
    default="auto",
    show_default=True,
    help="auto; herding, coverage, facility_location, typicality or coreset to cover the images; "
    "uncertainty_herding, badge, margin, entropy or least_confidence to settle doubts; or random.",
)
@click.option(
    "--annotator", metavar="NAME", help="Hand the images out to NAME: no other gets them for 24 hours."
)
@click.option(
    "--overlap",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="With --annotator: this share of the list is images that others get too, to measure agreement.",
)
@seed_option
@table_options
@told_plainly
def command(workspace: Path | None, as_json: bool, budget: int, output: Path | None, **options: Any) -> None:
    """Choose the images most worth labelling next, best first.

    Fill in the `label` column and hand the file back with `curator label import`.

    \b
    Example:
        curator query --budget 20 --output to_label.csv
    """
    from curator.jobs.query import query
    from curator.store import Workspace

    report, frame = query(Workspace.open(workspace), budget, output=output, **options)
    if as_json:
        emit_json(query=report, to_label=frame)
    else:
        emit_table(frame, output)
    short = (
        ""
        if report.chosen == budget
        else f" (only {report.chosen:,} are {'free' if options['annotator'] else 'unlabelled'})"
    )
    tell(f"{counted(report.chosen, 'image')} to label, chosen by {report.strategy}{short}")
    if report.gain is not None:
        tell(in_words(report.gain))
    if output is not None:
        tell(f"fill in the label column, then: curator label import {output}")


def in_words(gain: "ExpectedGain") -> str:
    """Stopping advice in one line."""
    points = [f"{100 * value:.1f}" for value in (gain.estimate, gain.low, gain.high)]
    more = f"the next {counted(gain.more, 'label')} should gain {points[0]} points of accuracy"
    return f"{more} ({points[1]} to {points[2]}), from about {gain.accuracy:.0%}"
