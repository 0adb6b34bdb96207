"""curator status."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from curator_cli._edge import emit_json, told_plainly
from curator_cli._options import json_option, workspace_option

if TYPE_CHECKING:
    from curator.jobs.encoders import EncoderStatus
    from curator.jobs.status import Status


@click.command("status")
@workspace_option
@json_option
@told_plainly
def command(workspace: Path | None, as_json: bool) -> None:
    """Say what exists, what is stale, and what to do next.

    \b
    Example:
        curator status --json
    """
    from curator.jobs.status import status
    from curator.store import Workspace

    found = status(Workspace.open(workspace))
    if as_json:
        emit_json(status=found)
    else:
        click.echo(_page(found))


def _page(found: "Status") -> str:
    lines = [
        f"workspace  {found.workspace}",
        f"images     {found.images:,} in {found.images_folder}{_others(found)}{_as_of(found)}",
        f"labels     {_labels(found)}",
        *(f"encoder    {encoder_line(encoder)}" for encoder in found.encoders),
        f"graph      {found.graph or 'none'}",
        f"propagated {'yes' if found.propagated else 'no'}",
        *([f"running    {found.running}"] if found.running else []),
        *(f"stale      {line}" for line in found.stale),
        f"next       {found.next_step}",
    ]
    return "\n".join(lines)


def _others(found: "Status") -> str:
    counts = {
        "waiting to be read": found.waiting,
        "unreadable (see broken.csv)": found.broken,
        "other files": found.ignored,
        "gone": found.gone,
    }
    return "".join(f", {count:,} {what}" for what, count in counts.items() if count)


def _as_of(found: "Status") -> str:
    return "" if found.embedded_at is None else f" (as of {found.embedded_at[:16].replace('T', ' ')} UTC)"


def _labels(found: "Status") -> str:
    if not found.labelled:
        return "none yet"
    changed = found.changed_since_labelled
    note = f"; {changed:,} of these images have changed since they were labelled" if changed else ""
    return f"{found.labelled:,} of {len(found.classes)} classes{note}"


def encoder_line(encoder: "EncoderStatus") -> str:
    """An encoder in one line."""
    accuracy = ""
    if encoder.knn_accuracy is not None:
        accuracy = f", leave-one-out kNN accuracy {encoder.knn_accuracy:.1%} on the labels"
    return f"{encoder.name} ({encoder.dim} dimensions){accuracy}{' <- current' if encoder.current else ''}"
