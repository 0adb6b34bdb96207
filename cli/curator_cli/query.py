"""curator query."""

from pathlib import Path

import click

from curator_cli._edge import counted, emit_json, emit_table, tell, told_plainly
from curator_cli._options import json_option, output_option, overwrite_option, seed_option, workspace_option


@click.command("query")
@click.option("--budget", type=click.IntRange(min=1), required=True, help="How many images to choose.")
@click.option(
    "--strategy",
    default="auto",
    show_default=True,
    help="auto, herding, uncertainty_herding, typicality, coreset, margin, entropy, least_confidence or "
    "random.",
)
@seed_option
@output_option
@overwrite_option
@workspace_option
@json_option
@told_plainly
def command(
    budget: int,
    strategy: str,
    seed: int,
    output: Path | None,
    overwrite: bool,
    workspace: Path | None,
    as_json: bool,
) -> None:
    """Choose the images most worth labelling next, best first.

    Fill in the `label` column and hand the file back with `curator label import`.

    \b
    Example:
        curator query --budget 20 --output to_label.csv
    """
    from curator.jobs.query import query
    from curator.store import Workspace

    report, frame = query(
        Workspace.open(workspace), budget, strategy=strategy, seed=seed, output=output, overwrite=overwrite
    )
    if as_json:
        emit_json(query=report, to_label=frame)
    else:
        emit_table(frame, output)
    short = "" if report.chosen == budget else f" (only {report.chosen:,} are unlabelled)"
    tell(f"{counted(report.chosen, 'image')} to label, chosen by {report.strategy}{short}")
    if output is not None:
        tell(f"fill in the label column, then: curator label import {output}")
