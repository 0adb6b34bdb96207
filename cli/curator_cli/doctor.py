"""curator doctor."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from curator_cli._edge import emit_json, tell, told_plainly
from curator_cli._options import FILE, json_option, workspace_option

if TYPE_CHECKING:
    from curator.jobs.doctor import Finding


@click.command("doctor")
@click.option("--repair", is_flag=True, help="Put right what can be; no label is touched.")
@click.option("--contents", is_flag=True, help="Read every image again, to find files that have decayed.")
@click.option("--backup", type=FILE, help="Copy the database, which holds all labels, to this new file.")
@workspace_option
@json_option
@told_plainly
def command(repair: bool, contents: bool, backup: Path | None, workspace: Path | None, as_json: bool) -> None:
    """Find what is damaged, decayed or left over, and repair it; status 1 while something does harm.

    \b
    Example:
        curator doctor --repair
    """
    from curator.jobs.doctor import doctor

    found = doctor(workspace, repair=repair, contents=contents, backup=backup)
    if as_json:
        emit_json(doctor={"healthy": found.healthy, "workspace": found.workspace, "findings": found.findings})
    else:
        click.echo("\n".join([_line(finding) for finding in found.findings]) or "nothing is wrong")
    if backup is not None and backup.exists():
        tell(f"the database is copied to {backup}")
    if not found.healthy:
        sys.exit(1)


def _line(found: "Finding") -> str:
    state = "repaired; " if found.repaired else ""
    return f"{found.check:<10} {found.where}\n{'':10} {found.what}\n{'':10} {state}{found.advice}"
