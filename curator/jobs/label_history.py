"""What was said of an image, and the last of it taken back."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from curator.errors import CuratorError
from curator.jobs._finding import spellings
from curator.jobs._reading import content_hash
from curator.store.history import Act, LogEntry
from curator.store.workspace import Workspace
from curator.tables import cells

LOG_COLUMNS = ["event", "path", "created_at", "annotator", "label", "source", "state", "id"]


@dataclass(frozen=True)
class ImageHistory:
    """An image's label now, by which rule of consensus, and everything that was ever said of it."""

    path: str
    label: str | None
    rule: str
    log: pd.DataFrame


def label_log(workspace: Workspace, image: str) -> ImageHistory:
    """Everything that was ever said of an image, the oldest first.

    Args:
        workspace: any.
        image: its path, as `curator label import` takes it, or its content hash (the `id` of a table). Where
            nothing was said under that name, the file's content is looked for under others.

    Raises:
        CuratorError: no such image in the catalog, on disk or in the log.

    """
    entries, image_id = _entries(workspace, image)
    current = workspace.labels.current().get(image_id) if image_id is not None else None
    rows = [{**entry._asdict(), "id": entry.content_hash, "label": entry.label or ""} for entry in entries]
    path = entries[-1].path if entries else image
    label = None if current is None else current.label
    return ImageHistory(path, label, workspace.labels.rule(), cells(rows, LOG_COLUMNS))


def undo_labels(workspace: Workspace, count: int = 1, *, annotator: str | None = None) -> list[Act]:
    """Take back the last acts of labelling, the newest first; a file imported is one act.

    Nothing is deleted: the log says that it was taken back. What the same annotators said before stands
    again. The next undo goes further back.

    Args:
        workspace: any.
        count: how many acts; fewer are taken back where there are no more.
        annotator: count this annotator's acts only, and take back nobody else's part in them.

    Raises:
        CuratorError: there is nothing to take back.

    """
    acts = workspace.history.undo(count, annotator)
    if not acts:
        whose = "" if annotator is None else f" by {annotator!r}"
        raise CuratorError(
            f"there is no label{whose} to take back: `curator label log IMAGE` shows an image's"
        )
    return acts


def in_words(act: Act) -> str:
    """What an act was: "the import of labels.csv"."""
    kind, _, rest = act.source.partition(":")
    if not rest:
        return f"labels from {kind}"
    return f"the import of {rest}" if kind in ("csv", "verdict") else f"{kind} {rest}"


def _entries(workspace: Workspace, image: str) -> tuple[list[LogEntry], int | None]:
    """The log of an image, and the id of the one it is about now; by its name, else by its content."""
    names = list(spellings(workspace, image))
    known = workspace.catalog.find(names)
    found = next((known[name] for name in names if name in known), None)
    entries = workspace.history.of_image(found.id) if found is not None else []
    if found is not None and entries:
        return entries, found.id
    content = (found.content_hash if found is not None else _content(workspace, image)) or ""
    entries = workspace.history.of_content(content)
    if found is None and not entries:
        raise CuratorError(f"no image {image!r} in {workspace.images}, nor was that content ever labelled")
    if not entries:
        return [], None
    return entries, workspace.catalog.find([entries[-1].path])[entries[-1].path].id


def _content(workspace: Workspace, image: str) -> str:
    """The hash of a file that the catalog does not know; or what is given may be a hash itself."""
    for path in (workspace.images / image, Path(image)):
        if path.is_file():
            return content_hash(path.read_bytes())
    return image
