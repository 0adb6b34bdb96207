"""What is known of the images, written for other tools."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curator.audits import audit
from curator.errors import CuratorError
from curator.formats import FORMATS, Dataset, Format, Options, Record
from curator.formats.dataset import DOUBTS, GRAPH, PLACES
from curator.jobs._propagation import probabilities
from curator.jobs.layout import Places, stored_layout
from curator.jobs.state import State, load_state
from curator.neighbors.sample_scores import hardness, representativeness, uniqueness
from curator.pictures.layout import layout
from curator.store.workspace import Workspace
from curator.tables import check_output, read_table

Column = npt.NDArray[Any]
SCORES = ("score", "error_probability", "outlier_score", "confidence")  # of our tables, what ranks their rows


@dataclass(frozen=True)
class ExportReport:
    """How many images were written, how many of them with a label, and where."""

    images: int
    labelled: int
    format: str
    output: str


def export(
    workspace: Workspace,
    output: Path,
    format_name: str,
    *,
    rows: Path | None = None,
    options: Options | None = None,
    overwrite: bool = False,
) -> ExportReport:
    """Write images, labels, predictions and scores in the format of another tool.

    Args:
        workspace: with embeddings.
        output: the file or, for formats that are one, the folder to make.
        format_name: one of the formats of docs/formats.md that can be written.
        rows: a table made here (to label, suspects): only its images, in its order, with rank and score.
        options: links or copies, and what goes before paths.
        overwrite: whether a file there may be replaced; a folder never is.

    Raises:
        CuratorError: an unknown format, an output that cannot be written, or rows that are not in the
            workspace.
        MissingWorkError: there are no embeddings yet.

    """
    kind = writable(format_name)
    if kind.write is None:
        raise CuratorError(f"{format_name!r} cannot be written")
    check_place(workspace, output, overwrite=overwrite and not kind.writes_folder)
    if rows is not None and kind.needs & {GRAPH, PLACES}:
        raise CuratorError(f"{format_name} tells of all images and their neighbours: leave out --rows")
    dataset = gather(load_state(workspace), kind)
    if rows is not None:
        dataset = replace(dataset, records=_chosen(dataset, rows))
    kind.write(output, dataset, options or Options())
    written = dataset.labelled if kind.only_labelled else dataset.records
    return ExportReport(len(written), len(dataset.labelled), format_name, str(output))


def writable(name: str) -> Format:
    """The format of that name; CuratorError unless it can be written."""
    found = FORMATS.get(name)
    if found is None or found.write is None:
        names = ", ".join(each.name for each in FORMATS.values() if each.write)
        raise CuratorError(f"{name!r} is no format that can be exported: choose one of {names}")
    return found


def check_place(workspace: Workspace, output: Path, *, overwrite: bool) -> None:
    """CuratorError where `output` exists, could not be made, or would lie among the images."""
    check_output(output, overwrite=overwrite)
    if output.resolve().is_relative_to(workspace.images):
        raise CuratorError(f"{output} would lie among the images in {workspace.images}, which are left alone")


def gather(state: State, kind: Format) -> Dataset:
    """What is known of all images, as far as a format shows it."""
    columns = _predictions(state) if state.any_label else {}
    if state.any_label and DOUBTS in kind.needs:
        columns |= _doubts(state)
    graph = state.graph
    if GRAPH in kind.needs:
        columns |= {"uniqueness": uniqueness(graph), "representativeness": representativeness(graph)}
    dataset = Dataset(state.workspace.images, state.names, _records(state, columns))
    if GRAPH in kind.needs:
        dataset = replace(dataset, neighbors=graph.neighbors, similarities=graph.similarities)
    if PLACES in kind.needs:
        dataset = replace(dataset, places=_places(state))
    return dataset


def _places(state: State) -> Places:
    """The stored map, or one laid out now and not kept."""
    stored = stored_layout(state)
    return layout(state.graph, embeddings=state.embeddings) if stored is None else stored


def _predictions(state: State) -> dict[str, Column]:
    soft = probabilities(state)
    return {
        "predicted_label": _names(state, soft.argmax(axis=1)),
        "confidence": soft.max(axis=1),
        "hardness": hardness(soft),
    }


def _doubts(state: State) -> dict[str, Column]:
    report = audit(state.graph, state.labels, embeddings=state.embeddings, n_classes=len(state.names))
    wrong = report.error_probability.astype(object)
    wrong[np.isnan(report.error_probability)] = None
    return {
        "suggested_label": np.where(state.labels >= 0, _names(state, report.suggested_labels), ""),
        "error_probability": wrong,
        "is_issue": report.issues,
    }


def _names(state: State, codes: Column) -> Column:
    return np.asarray(state.names, dtype=object)[codes]


def _records(state: State, columns: dict[str, Column]) -> list[Record]:
    catalog, current = state.workspace.catalog, state.workspace.labels.current()
    ids = state.image_ids.tolist()
    plain = {name: values.tolist() for name, values in columns.items()}
    records = []
    for row, (image, size) in enumerate(zip(catalog.by_ids(ids), catalog.sizes(ids), strict=True)):
        said = current.get(image.id)
        records.append(
            Record(
                image.path,
                image.content_hash,
                *size,
                label=said.label if said else "",
                annotator=said.annotator if said else "",
                **{name: values[row] for name, values in plain.items()},
            )
        )
    return records


def _chosen(dataset: Dataset, file: Path) -> list[Record]:
    """The records that a table names, in its order, with its ranks and scores."""
    table = read_table(file)
    score = next((name for name in SCORES if name in table), None)
    if "path" not in table or score is None:
        raise CuratorError(f"{file} is no list of `curator query` or `curator audit`: it lacks path or score")
    known = {record.path: record for record in dataset.records}
    missing = [path for path in table["path"] if path not in known]
    if missing:
        raise CuratorError(f"{file} names {missing[0]!r}, which is no image of the workspace")
    scores = pd.to_numeric(table[score], errors="coerce")
    return [
        replace(known[path], rank=rank, score=None if np.isnan(value) else value)
        for rank, (path, value) in enumerate(zip(table["path"], scores.tolist(), strict=True), 1)
    ]
