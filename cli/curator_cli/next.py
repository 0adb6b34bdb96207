"""curator next."""

from pathlib import Path

import click

from curator_cli._edge import emit_json, tell, told_plainly
from curator_cli._options import json_option, seed_option, workspace_option


@click.command("next")
@seed_option
@workspace_option
@json_option
@told_plainly
def command(seed: int, workspace: Path | None, as_json: bool) -> None:
    """Say the one thing most worth doing now: the command on stdout, the reason on stderr.

    \b
    Example:
        curator next
    """
    from curator.jobs.next_step import next_step
    from curator.store import Workspace

    found = next_step(Workspace.open(workspace), seed=seed)
    if as_json:
        emit_json(next=found)
    else:
        click.echo(found.command or found.action)
    tell(found.reason)
