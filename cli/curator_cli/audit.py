"""curator audit."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curator_cli._edge import counted, emit_json, emit_table, tell, told_plainly
from curator_cli._options import seed_option, table_options

if TYPE_CHECKING:
    from curator.jobs.audit import AuditSummary

WEAK_SUPPORT = 0.7  # below it, more than every second doubt was false on sound labels


@click.command("audit")
@click.option("--all", "everything", is_flag=True, help="List every label, not only those in doubt.")
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help="Draw N labels for you to check instead; the count of wrong labels then rests on your verdicts.",
)
@click.option(
    "--min-precision",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="P",
    help="List the labels of which a share of P is expected to be wrong.",
)
@seed_option
@table_options
@told_plainly
def command(workspace: Path | None, as_json: bool, output: Path | None, **options: Any) -> None:
    """Rank the labels most likely to be wrong, most suspect first.

    Put the right class into the `label` column, also where the given label is right, and hand the file back
    with `curator label import`: what you have judged is not asked again. Rows with an empty label are passed
    over. With --sample, fill in the rows from the top: they stand in random order, so you may stop anywhere.

    \b
    Example:
        curator audit --output suspects.csv
    """
    from curator.jobs.audit import audit
    from curator.store import Workspace

    summary, frame = audit(Workspace.open(workspace), output=output, **options)
    if as_json:
        emit_json(audit=summary, suspects=frame)
    else:
        emit_table(frame, output)
    _tell(summary, options)


def _tell(summary: "AuditSummary", options: dict[str, Any]) -> None:
    checked = f"; {summary.checked:,} are checked" if summary.checked else ""
    tell(f"{summary.suspects:,} of {counted(summary.labels, 'label')} are in doubt{checked}")
    interval = f"95 % interval {summary.errors_low:,.0f} to {summary.errors_high:,.0f}"
    by = f", by {counted(summary.judged, 'verdict')}" if summary.judged else ""
    tell(f"about {counted(round(summary.estimated_errors), 'wrong label')} ({interval}{by})")
    if summary.annotator_quality:
        ranked = sorted(summary.annotator_quality.items(), key=lambda item: -item[1])
        tell("labels probably right: " + ", ".join(f"{name} {quality:.0%}" for name, quality in ranked))
    if options["min_precision"] is not None and not summary.judged:
        tell("the precision is an expectation, not a promise, until you have checked a sample (--sample 300)")
    if options["sample"] is not None:
        tell("fill in `label` from the top, and hand the file back with `curator label import`")
    elif summary.rows_to_check:
        more = f"curator audit --sample {summary.rows_to_check} --output sample.csv"
        tell(f"checking {counted(summary.rows_to_check, 'more row')} would narrow the interval: {more}")
    elif summary.judged:
        tell("no more rows need checking for the count")
    if summary.supported < WEAK_SUPPORT:
        tell(
            f"only {summary.supported:.0%} of the labels are what the embeddings suggest: either many are "
            "wrong, or the encoder does not tell these classes apart. If the first suspects are right as "
            "they are, embed again with a stronger one (--encoder)."
        )
