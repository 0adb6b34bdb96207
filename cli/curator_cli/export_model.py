"""curator export-model."""

from pathlib import Path

import click

from curator_cli._edge import counted, emit_json, tell, told_plainly
from curator_cli._options import FOLDER, json_option, workspace_option


@click.command("export-model")
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--overwrite", is_flag=True, help="Replace files of an earlier export.")
@workspace_option
@json_option
@told_plainly
def command(folder: Path, overwrite: bool, workspace: Path | None, as_json: bool) -> None:
    """Write the current encoder, and its classifier where it has one, into DIR as safetensors and ONNX.

    \b
    Example:
        curator export-model model
    """
    from curator.jobs.export_model import export_model
    from curator.store import Workspace

    report = export_model(Workspace.open(workspace), folder, overwrite=overwrite)
    what = counted(report.classes, "class", "classes") if report.classes else "no classes (not fine-tuned)"
    tell(f"{report.encoder}, {what}, is in {report.folder}; ONNX differs by {report.difference:.1g} at most")
    if as_json:
        emit_json(export_model=report)
