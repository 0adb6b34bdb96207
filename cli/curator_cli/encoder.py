"""curator encoder list, use and available."""

from pathlib import Path

import click

from curator_cli._edge import counted, emit_json, tell, told_plainly
from curator_cli._options import json_option, workspace_option


@click.group("encoder")
def command() -> None:
    """List the encoders used here, go back to one, find others."""


@command.command("list")
@workspace_option
@json_option
@told_plainly
def list_command(workspace: Path | None, as_json: bool) -> None:
    """List the encoders that this workspace has embeddings of.

    \b
    Example:
        curator encoder list --json
    """
    from curator.jobs.encoders import list_encoders
    from curator.store import Workspace
    from curator_cli.status import encoder_line

    found = list_encoders(Workspace.open(workspace))
    if as_json:
        emit_json(encoders=found)
    else:
        for each in found:
            click.echo(f"{each.id}  {encoder_line(each)}")


@command.command("use")
@click.argument("name", metavar="ID")
@workspace_option
@json_option
@told_plainly
def use_command(name: str, workspace: Path | None, as_json: bool) -> None:
    """Go back, or forth, to the embeddings, graph and propagation of an encoder used here before.

    \b
    Example:
        curator encoder use 1f0c9a2b
    """
    from curator.jobs.encoders import use_encoder
    from curator.store import Workspace
    from curator_cli.status import encoder_line

    found = use_encoder(Workspace.open(workspace), name)
    tell(f"in use: {encoder_line(found)}")
    if as_json:
        emit_json(encoder=found)


@command.command("available")
@click.argument("word", required=False, default="")
@json_option
@told_plainly
def available_command(word: str, as_json: bool) -> None:
    """List the encoders to be had by name, or those with WORD in it, and where their weights come from.

    They are `included` in curator, `downloaded` on first use, up to the encoder's `own` code, or there are
    `none`. Besides these, any --weights FILE and a MODULE:FUNCTION of one's own can be an encoder.

    \b
    Example:
        curator encoder available dinov2
    """
    from curator.encoders import available_encoders, missing_families

    found, missing = available_encoders(word), missing_families()
    if as_json:
        emit_json(encoders=[{"name": n, "weights": w} for n, w in found.items()], missing=missing)
    else:
        for name, weights in found.items():
            click.echo(f"{name}  {weights}")
        tell(f"{counted(len(found), 'encoder')}" + (f" with {word!r} in the name" if word else ""))
        for family, install in missing.items():
            tell(f"those of {family} need more packages: {install}")
