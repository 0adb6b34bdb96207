"""curator review."""

from pathlib import Path

import click

from curator_cli._edge import tell, told_plainly
from curator_cli._options import workspace_option


@click.command("review")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Serve on this port; 0 for any free one.  [default: the first free one from 8421 on]",
)
@click.option("--no-browser", is_flag=True, help="Only print the address; open no browser.")
@click.option(
    "--annotator", help="Store labels in this name, unless a browser says another.  [default: your user name]"
)
@click.option(
    "--overlap",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="The share of each annotator's images that others have labelled, to measure agreement by.",
)
@workspace_option
@told_plainly
def command(
    workspace: Path | None, port: int | None, no_browser: bool, annotator: str | None, overlap: float
) -> None:
    """Label images and judge doubtful labels on a page in your browser, which never leaves this machine.

    Every answer is stored before the next image shows, and ranks the rest anew. The address printed holds a
    token: whoever has it may label. Stop with Ctrl-C.

    \b
    Example:
        curator review --annotator ann
    """
    from curator.review.server import review
    from curator.store import Workspace

    tell("reading the workspace; stop with Ctrl-C")
    review(
        Workspace.open(workspace),
        port=port,
        annotator=annotator,
        overlap=overlap,
        browser=not no_browser,
        announce=click.echo,
    )
