"""curator simulate."""

from pathlib import Path
from typing import Any

import click

from curator_cli._edge import counted, emit_json, emit_table, tell, told_plainly
from curator_cli._options import FILE, table_options


def _budgets(_context: click.Context, _option: click.Parameter, text: str | None) -> list[int] | None:
    try:
        return None if text is None else [int(number) for number in text.split(",")]
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r}: wanted whole numbers with commas between, such as 10,50"
        ) from error


@click.command("simulate")
@click.option(
    "--strategy",
    "strategies",
    multiple=True,
    default=("auto", "random"),
    show_default=True,
    help="As for `curator query`; give it several times to compare several.",
)
@click.option("--budgets", callback=_budgets, metavar="N,N,...", help="Numbers of labels to measure at.")
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="How often.")
@click.option(
    "--holdout",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.2,
    show_default=True,
    help="Share of the labels to test on.",
)
@click.option("--plot", type=FILE, help="Draw the table into this PNG file (needs matplotlib).")
@table_options
@told_plainly
def command(workspace: Path | None, as_json: bool, output: Path | None, **options: Any) -> None:
    """Replay labelling with each strategy on the labels at hand, to see which serves best.

    Part of the labels is held out to test on; all others are taken away and asked for again.

    \b
    Example:
        curator simulate --strategy auto --strategy margin --strategy random --plot strategies.png
    """
    from curator.jobs.simulate import simulate
    from curator.store import Workspace
    from curator_cli._progress import bars

    with bars() as progress:
        report, frame = simulate(Workspace.open(workspace), output=output, progress=progress, **options)
    if as_json:
        emit_json(simulate=report, accuracy=frame)
    else:
        emit_table(frame, output)
    tell(f"best on average: {report.best}, on {counted(report.held_out, 'label')} held out in each seed")
