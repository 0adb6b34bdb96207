"""Labels out of other tools' files into the log."""

from pathlib import Path

from curator.errors import CuratorError
from curator.formats import FORMATS, Format
from curator.jobs._finding import spellings, spellings_elsewhere
from curator.jobs.labels import DEFAULT_ANNOTATOR, ImportReport, Origin, import_lines
from curator.store.workspace import Workspace


def import_from(
    workspace: Workspace, source: Path, format_name: str, *, annotator: str = DEFAULT_ANNOTATOR
) -> ImportReport:
    """Add the labels in another tool's file or folder to the log: all of them, or none.

    Paths from another machine are recognised by their last folders and name. Nothing but labels is read: the
    images are those of the workspace.

    Args:
        workspace: with the images embedded.
        source: the file or folder.
        format_name: one of the formats of docs/formats.md that can be read.
        annotator: who gave the labels, where the file does not say so.

    Raises:
        CuratorError: the format is unknown or cannot be read, the file is not of that format, or an entry
            does not fit; then nothing is imported.

    """
    kind = readable(format_name)
    if kind.read is None or not source.exists():
        raise CuratorError(f"there is no file or folder {source}")
    origin = Origin(source, kind.name, kind.entry, spellings if kind.exact else spellings_elsewhere)
    return import_lines(workspace, origin, kind.read(source), annotator=annotator)


def readable(name: str) -> Format:
    """The format of that name; CuratorError unless it can be read."""
    found = FORMATS.get(name)
    if found is None or found.read is None:
        readable = ", ".join(each.name for each in FORMATS.values() if each.read)
        raise CuratorError(f"{name!r} is no format that can be imported: choose one of {readable}")
    return found
