"""Labels in and out: CSV files, class folders."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from curator.jobs._finding import spellings, unknown
from curator.store.catalog import PAGE, pages
from curator.store.labels import FOLDERS, VERDICT, LabelEvent, Statement
from curator.store.workspace import Workspace
from curator.tables import LabelLine, cells, read_label_lines, refuse, write_csv

LABEL_COLUMNS = ["path", "label", "annotator", "source", "created_at", "id"]
SPLIT_NAMES = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
DEFAULT_ANNOTATOR = "unknown"


@dataclass(frozen=True)
class ImportReport:
    """How many rows were imported, over how many images and classes; and how many said nothing new."""

    labels: int
    unchanged: int
    images: int
    classes: int


@dataclass(frozen=True)
class Origin:
    """Where label lines come from; `entry` is what one of them is called there.

    `spell` gives the paths in the catalog that a path there may mean, best first.
    """

    file: Path
    format: str = "csv"
    entry: str = "line"
    spell: Callable[[Workspace, str], Iterable[str]] = spellings


def import_labels(workspace: Workspace, file: Path, *, annotator: str = DEFAULT_ANNOTATOR) -> ImportReport:
    """Add the labels of a CSV file (columns path,label[,annotator]) to the log: all of them, or none.

    Rows whose label is empty are passed over, so that a half filled-in to-label list can be handed back; so
    are rows that say what their annotator has said before, so that an export can be edited and handed back.
    Where a row has an `id` (content hash), the label goes to the image with that content, whatever its name
    is now, and to no other. A row with a `given_label`, as in a list of suspects or a sample, is a verdict on
    that label: also one that leaves it as it is says something, and is remembered.
    """
    return import_lines(workspace, Origin(file), read_label_lines(file), annotator=annotator)


def import_lines(
    workspace: Workspace, origin: Origin, lines: Sequence[LabelLine], *, annotator: str
) -> ImportReport:
    """Add label lines of any file to the log, as `import_labels` does."""
    ids, problems = _resolve(workspace, lines, origin)
    problems += _contradictions(lines, ids, annotator, origin.entry)
    refuse(origin.file, problems)
    said = {(word.image_id, word.annotator): word for word in workspace.labels.statements()}
    events = [
        LabelEvent(ids[line.line], line.label, _annotator(line, annotator), _source(line, origin))
        for line in lines
        if not any(
            _says_again(line, said.get((ids[line.line], name)))
            for name in (line.annotator or annotator, _annotator(line, annotator))
        )
    ]
    workspace.labels.append(events)
    images, classes = {event.image_id for event in events}, {event.label for event in events}
    return ImportReport(len(events), len(lines) - len(events), len(images), len(classes))


def _source(line: LabelLine, origin: Origin) -> str:
    return f"{VERDICT if line.given_label else f'{origin.format}:'}{origin.file.name}"


def _annotator(line: LabelLine, default: str) -> str:
    """Who says so: an export names folders where nobody did, but a changed row is somebody's."""
    return default if line.annotator in ("", FOLDERS) else line.annotator


def _says_again(line: LabelLine, before: Statement | None) -> bool:
    """Whether the annotator's last word was the same; a verdict says more than a label."""
    if before is None or line.label != before.label:
        return False
    return before.source.startswith(VERDICT) or not line.given_label


def export_labels(workspace: Workspace, file: Path | None, *, overwrite: bool = False) -> pd.DataFrame:
    """Current labels of all readable images as a frame, written to `file` where one is named."""
    rows = [{**row._asdict(), "id": row.content_hash} for row in workspace.labels.rows()]
    frame = cells(rows, LABEL_COLUMNS)
    if file is not None:
        write_csv(frame, file, overwrite=overwrite)
    return frame


def label_from_folders(workspace: Workspace) -> int:
    """Label images by the class folder they lie in; what a person has said is never replaced."""
    current = workspace.labels.current()
    splits = are_splits(row.path for row in workspace.catalog.ready())
    events = []
    for row in workspace.catalog.ready():
        label = folder_label(row.path, splits)
        before = current.get(row.id)
        by_person = before is not None and before.source != FOLDERS
        if label is None or by_person or (before is not None and before.label == label):
            continue
        events.append(LabelEvent(row.id, label, FOLDERS, FOLDERS))
    return workspace.labels.append(events)


def folder_label(path: str, splits: bool) -> str | None:
    """Class of `class/.../image`, or with `splits` of `split/class/.../image`; None outside of any class."""
    folders = PurePosixPath(path).parts[:-1]
    return next(iter(folders[1:] if splits else folders), None)


def are_splits(paths: Iterable[str]) -> bool:
    """Whether the first folder of each path is a split like `train` or `val`; in them lie the classes.

    One other name among them, or an image directly in a split, and all of them are classes.
    """
    seen = False
    for path in paths:
        folders = PurePosixPath(path).parts[:-1]
        if not folders:
            continue
        if len(folders) == 1 or folders[0].lower() not in SPLIT_NAMES:
            return False
        seen = True
    return seen


def _resolve(
    workspace: Workspace, lines: Sequence[LabelLine], origin: Origin
) -> tuple[dict[int, int], list[str]]:
    """Image id by line number, and what is wrong with the lines that name no readable image."""
    ids: dict[int, int] = {}
    problems: list[str] = []
    for page in pages(lines, PAGE):
        known = workspace.catalog.find(
            [spelling for line in page for spelling in origin.spell(workspace, line.path)]
        )
        moved = workspace.catalog.find_contents([line.content_hash for line in page if line.content_hash])
        for line in page:
            found = next((known[s] for s in origin.spell(workspace, line.path) if s in known), None)
            same_content = moved.get(line.content_hash, [])
            if found is not None and found.state == "ready" and line.content_hash in ("", found.content_hash):
                ids[line.line] = found.id
            elif same_content:  # the id knows better than the path: files may have changed names since
                ids[line.line] = same_content[0]
            else:
                problems.append(f"{origin.entry} {line.line}: {unknown(workspace, line.path, found)}")
    return ids, problems


def _contradictions(lines: Sequence[LabelLine], ids: dict[int, int], annotator: str, entry: str) -> list[str]:
    """Lines in which one annotator says of one image what an earlier line denies."""
    first: dict[tuple[int, str], LabelLine] = {}
    problems = []
    for line in lines:
        if line.line not in ids:
            continue
        earlier = first.setdefault((ids[line.line], line.annotator or annotator), line)
        if earlier.label != line.label:
            problems.append(
                f"{entry} {line.line}: {line.path!r} is {line.label!r} here but {earlier.label!r} "
                f"on {entry} {earlier.line}, by the same annotator"
            )
    return problems
