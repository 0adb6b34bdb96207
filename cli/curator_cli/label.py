"""curator label import | export; its other commands are in files of their own."""

from pathlib import Path

import click

from curator_cli._edge import counted, emit_json, emit_table, tell, told_plainly
from curator_cli._label_agreement import agreement_command, consensus_command
from curator_cli._label_history import log_command, undo_command
from curator_cli._options import FILE, json_option, overwrite_option, workspace_option


@click.group("label")
def command() -> None:
    """Bring labels in and out, see who said what, take it back."""


for _command in (log_command, undo_command, consensus_command, agreement_command):
    command.add_command(_command)


@command.command("import")
@click.argument("file", type=FILE)
@click.option(
    "--annotator", default="unknown", show_default=True, help="Who gave the labels, where no column says so."
)
@workspace_option
@json_option
@told_plainly
def import_command(file: Path, annotator: str, workspace: Path | None, as_json: bool) -> None:
    """Add the labels of a CSV FILE (columns path,label[,annotator]) to the label log: all, or none.

    Paths are relative to the image folder. Rows with an empty label are passed over.

    \b
    Example:
        curator label import to_label.csv --annotator ann
    """
    from curator.jobs.labels import import_labels
    from curator.store import Workspace

    report = import_labels(Workspace.open(workspace), file, annotator=annotator)
    if not report.labels:
        known = "all labels are known already" if report.unchanged else "no row has a label yet"
        tell(f"{known} in {file}: nothing to import")
    else:
        rest = f"; {report.unchanged:,} were known already" if report.unchanged else ""
        said = f"{counted(report.labels, 'label')} of {counted(report.classes, 'class', 'classes')}"
        tell(f"{said} imported, for {counted(report.images, 'image')}{rest}")
    if as_json:
        emit_json(label_import=report)


@command.command("export")
@click.argument("file", type=FILE, required=False)
@overwrite_option
@workspace_option
@json_option
@told_plainly
def export_command(file: Path | None, overwrite: bool, workspace: Path | None, as_json: bool) -> None:
    """Write the current labels as CSV to FILE, or print them.

    \b
    Example:
        curator label export labels.csv
    """
    from curator.jobs.labels import export_labels
    from curator.store import Workspace

    frame = export_labels(Workspace.open(workspace), file, overwrite=overwrite)
    if as_json:
        emit_json(labels=frame)
    else:
        emit_table(frame, file)
    if file is not None:
        tell(f"{counted(len(frame), 'label')} written to {file}")
