"""curator label consensus | agreement."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from curator_cli._edge import counted, emit_json, tell, told_plainly
from curator_cli._options import json_option, workspace_option

if TYPE_CHECKING:
    from curator.jobs.agreement import AgreementReport


@click.command("consensus")
@click.argument("rule", type=click.Choice(["majority", "dawid-skene", "last"]), required=False)
@workspace_option
@json_option
@told_plainly
def consensus_command(rule: str | None, workspace: Path | None, as_json: bool) -> None:
    """Show or set the RULE by which several annotators' labels of an image make one.

    majority: most annotators, each by their last word; of equally many, what was said last. dawid-skene:
    annotators weigh by how reliable they prove to be. last: the last word, whoever said it.

    \b
    Example:
        curator label consensus dawid-skene
    """
    from curator.jobs.agreement import label_consensus
    from curator.store import Workspace

    report = label_consensus(Workspace.open(workspace), rule)
    if as_json:
        emit_json(consensus=report)
    else:
        click.echo(report.rule)
    contested = f"{counted(report.contested, 'image')} with different labels"
    tell(f"{contested}; {counted(report.changed, 'label')} changed" if rule else contested)


@click.command("agreement")
@workspace_option
@json_option
@told_plainly
def agreement_command(workspace: Path | None, as_json: bool) -> None:
    """Show how far annotators agree with the consensus and with each other, and what they confuse.

    \b
    Example:
        curator label agreement --json
    """
    from curator.jobs.agreement import label_agreement
    from curator.store import Workspace

    report = label_agreement(Workspace.open(workspace))
    if as_json:
        emit_json(agreement=report)
    else:
        click.echo(_page(report))


def _page(report: "AgreementReport") -> str:
    """The report as text; a dash where there is nothing to compare."""
    several = f"{report.labelled_by_several:,} of them by several, {report.contested:,} contested"
    overall = f"{report.alpha:.3f}" if report.alpha == report.alpha else "-"
    lines = [
        f"{counted(report.images, 'image')} labelled, {several}; consensus by {report.rule}",
        f"Krippendorff's alpha {overall}",
    ]
    tables = [report.annotators, report.pairs, report.confusions]
    for frame in tables:
        if len(frame):
            lines += ["", frame.to_string(index=False, na_rep="-", float_format="%.3f")]
    return "\n".join(lines)
