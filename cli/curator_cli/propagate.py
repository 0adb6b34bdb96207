"""curator propagate."""

from pathlib import Path

import click

from curator_cli._edge import counted, emit_json, emit_table, tell, told_plainly
from curator_cli._options import table_options


@click.command("propagate")
@table_options
@told_plainly
def command(output: Path | None, overwrite: bool, workspace: Path | None, as_json: bool) -> None:
    """Spread the labels at hand over the kNN graph: a label and a confidence for every image.

    \b
    Example:
        curator propagate --output predictions.csv
    """
    from curator.jobs.propagate import propagate
    from curator.store import Workspace

    report, frame = propagate(Workspace.open(workspace), output=output, overwrite=overwrite)
    if as_json:
        emit_json(propagate=report, predictions=frame)
    else:
        emit_table(frame, output)
    known = f"{counted(report.labelled, 'label')} of {counted(report.classes, 'class', 'classes')}"
    tell(f"{known} spread to {counted(report.images, 'image')}")
    if report.mean_confidence is not None:
        checked = (
            "a guess: too few labels to hold some out and check it"
            if report.confidence_margin is None
            else f"right within {report.confidence_margin:.2f}, as held-out labels show"
        )
        tell(f"mean confidence of the unlabelled: {report.mean_confidence:.2f} ({checked})")
    if report.unreachable:
        tell(f"{report.unreachable:,} images are in parts of the graph that hold no label")
