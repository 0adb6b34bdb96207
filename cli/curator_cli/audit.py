"""curator audit."""

from pathlib import Path

import click

from curator_cli._edge import counted, emit_json, emit_table, tell, told_plainly
from curator_cli._options import json_option, output_option, overwrite_option, seed_option, workspace_option

WEAK_SUPPORT = 0.7  # below it, more than every second doubt was false on sound labels


@click.command("audit")
@click.option("--all", "everything", is_flag=True, help="List every label, not only those in doubt.")
@seed_option
@output_option
@overwrite_option
@workspace_option
@json_option
@told_plainly
def command(
    everything: bool,
    seed: int,
    output: Path | None,
    overwrite: bool,
    workspace: Path | None,
    as_json: bool,
) -> None:
    """Rank the labels most likely to be wrong, most suspect first.

    Put the right class into the `label` column of the rows you agree with, and hand the file back with
    `curator label import`.

    \b
    Example:
        curator audit --output suspects.csv
    """
    from curator.jobs.audit import audit
    from curator.store import Workspace

    summary, frame = audit(
        Workspace.open(workspace), seed=seed, everything=everything, output=output, overwrite=overwrite
    )
    if as_json:
        emit_json(audit=summary, suspects=frame)
    else:
        emit_table(frame, output)
    tell(f"{summary.suspects:,} of {counted(summary.labels, 'label')} are in doubt")
    interval = f"{summary.errors_low:,.0f} to {summary.errors_high:,.0f}"
    tell(f"about {counted(round(summary.estimated_errors), 'wrong label')} (95 % interval {interval})")
    if summary.supported < WEAK_SUPPORT:
        tell(
            f"only {summary.supported:.0%} of the labels are what the embeddings suggest: either many are "
            "wrong, or the encoder does not tell these classes apart. If the first suspects are right as "
            "they are, embed again with a stronger one (--encoder)."
        )
