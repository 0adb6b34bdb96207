"""curator import."""

from pathlib import Path

import click

from curator_cli._edge import counted, emit_json, tell, told_plainly
from curator_cli._formats import FormatCommand, format_option
from curator_cli._options import json_option, workspace_option


@click.command("import", cls=FormatCommand)
@click.argument("source", type=click.Path(path_type=Path), metavar="FILE_OR_FOLDER")
@format_option("read")
@click.option(
    "--annotator", default="unknown", show_default=True, help="Who gave the labels, where the file says not."
)
@workspace_option
@json_option
@told_plainly
def command(source: Path, format_name: str, annotator: str, workspace: Path | None, as_json: bool) -> None:
    """Add the labels in another tool's FILE_OR_FOLDER to the label log: all, or none.

    The images are those of the workspace; paths from another machine are known by their last folders.

    \b
    Example:
        curator import labels.json --format coco
    """
    from curator.jobs.import_from import import_from
    from curator.store import Workspace

    report = import_from(Workspace.open(workspace), source, format_name, annotator=annotator)
    said = f"{counted(report.labels, 'label')} of {counted(report.classes, 'class', 'classes')}"
    tell(f"{said} imported, for {counted(report.images, 'image')}; {report.unchanged:,} were known already")
    if as_json:
        emit_json(label_import=report)
