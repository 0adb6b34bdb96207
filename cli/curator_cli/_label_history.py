"""curator label log | undo."""

from pathlib import Path

import click

from curator_cli._edge import counted, emit_json, emit_table, tell, told_plainly
from curator_cli._options import json_option, workspace_option


@click.command("log")
@click.argument("image")
@workspace_option
@json_option
@told_plainly
def log_command(image: str, workspace: Path | None, as_json: bool) -> None:
    """Show everything that was ever said of IMAGE: by whom, when, from where, and what became of it.

    IMAGE is a path in the image folder or an `id` from a table. A renamed image is found by its content.

    \b
    Example:
        curator label log cat/12.jpg
    """
    from curator.jobs.label_history import label_log
    from curator.store import Workspace

    history = label_log(Workspace.open(workspace), image)
    if as_json:
        emit_json(label_log=history)
    else:
        emit_table(history.log, None)
    now = "has no label" if history.label is None else f"is labelled {history.label} (by {history.rule})"
    tell(f"{history.path} {now}; {counted(len(history.log), 'event')} in its log")


@click.command("undo")
@click.argument("count", metavar="[N]", type=click.IntRange(min=1), default=1)
@click.option("--annotator", help="Take back only what this annotator said.")
@workspace_option
@json_option
@told_plainly
def undo_command(count: int, annotator: str | None, workspace: Path | None, as_json: bool) -> None:
    """Take back the last N acts of labelling (one, by default); a file imported is one act.

    What the same annotators said before then counts again. Nothing is deleted: the log keeps both the labels
    and their undoing. Another undo goes further back.

    \b
    Example:
        curator label undo --annotator ann
    """
    from curator.jobs.label_history import in_words, undo_labels
    from curator.store import Workspace

    acts = undo_labels(Workspace.open(workspace), count, annotator=annotator)
    for act in acts:
        what, when = f"{in_words(act)} by {', '.join(act.annotators)}", act.created_at[:16].replace("T", " ")
        tell(f"taken back: {what} of {when} UTC, {counted(act.labels, 'label')}")
    if as_json:
        emit_json(undone=[act._asdict() for act in acts])
