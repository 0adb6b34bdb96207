"""Training, validation and test sets of the workspace, duplicates never parted."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from curator.errors import CuratorError
from curator.jobs.duplicates import grouped
from curator.jobs.progress import Progress, silent
from curator.jobs.state import State, load_state
from curator.planning.splitting import merged_groups, split_groups
from curator.store.runs import recorded
from curator.store.workspace import Workspace
from curator.tables import cells, check_output, read_column, write_csv

COLUMNS = ["path", "split", "given_label", "group", "id"]
NAMES = ("train", "validation", "test")


@dataclass(frozen=True)
class SplitReport:
    """How many images each split has, and in how many groups of two and more images were kept together.

    `missing` names, as "class in split", classes that a split lacks though its share is not 0.
    """

    images: int
    counts: dict[str, int]
    groups: int
    grouped: int
    missing: list[str]


def split(
    workspace: Workspace,
    *,
    train: float = 0.8,
    validation: float = 0.1,
    test: float = 0.1,
    group_column: str | None = None,
    seed: int = 0,
    output: Path | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> tuple[SplitReport, pd.DataFrame]:
    """Deal the images out to training, validation and test sets, stratified by class.

    Exact and near duplicates, and what a chain of them joins, stay together.

    Args:
        workspace: with embeddings; where there are labels, every class is dealt in these shares.
        train: share of the training set; the three sum to 1.
        validation: share of the validation set; 0 for none.
        test: share of the test set; 0 for none.
        group_column: "FILE.csv:column": images with the same value there stay together as well, such as a
            patient or a film. The file's column `path` names the images.
        seed: same seed, same split.
        output: where to write the table.
        overwrite: whether a file there may be replaced.
        progress: told of the pictures compared.

    Raises:
        CuratorError: shares that do not sum to 1, or a group column that cannot be read.
        MissingWorkError: there are no embeddings yet.

    """
    check_output(output, overwrite=overwrite)
    shares = (train, validation, test)
    parameters = {"shares": shares, "group_column": group_column, "seed": seed}
    with recorded(workspace.database, "split", parameters) as outcome:
        state = load_state(workspace)
        values = None if group_column is None else _values(state, group_column)
        split_groups([], [], shares)  # wrong shares are told before the pictures are compared
        groups = grouped(state, progress=progress).linked
        groups = groups if values is None else merged_groups(groups, values)
        part = split_groups(groups, state.labels, shares, seed=seed)
        frame = _frame(state, groups, part)
        if output is not None:
            write_csv(frame, output, overwrite=overwrite)
        report = _report(state, groups, part, shares)
        outcome |= vars(report)
    return report, frame


def _values(state: State, group_column: str) -> npt.NDArray[np.int64]:
    """A number for each image's value in the user's column, int64 [n]; an empty cell is one of its own."""
    file, _, column = group_column.rpartition(":")
    if not file or not column:
        raise CuratorError(f"--group-column is {group_column!r}: wanted FILE.csv:column")
    of_path = read_column(Path(file), column)
    paths = [image.path for image in state.images(np.arange(len(state.image_ids)))]
    unknown = sum(path not in of_path for path in paths)
    if unknown:
        example = next(path for path in paths if path not in of_path)
        raise CuratorError(
            f"{file} says nothing of {unknown:,} images, such as {example}: add a row for each"
        )
    keys = [("value", of_path[path]) if of_path[path] else ("path", path) for path in paths]
    number = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    return np.array([number[key] for key in keys], np.int64)


def _frame(state: State, groups: npt.NDArray[np.int64], part: npt.NDArray[np.int64]) -> pd.DataFrame:
    rows = [
        {
            "path": image.path,
            "split": NAMES[part[row]],
            "given_label": state.name(int(state.labels[row])),
            "group": int(groups[row]),
            "id": image.content_hash,
        }
        for row, image in enumerate(state.images(np.arange(len(groups))))
    ]
    return cells(rows, COLUMNS)


def _report(
    state: State, groups: npt.NDArray[np.int64], part: npt.NDArray[np.int64], shares: tuple[float, ...]
) -> SplitReport:
    sizes = np.bincount(groups)
    missing = [
        f"{state.names[label]} in {name}"
        for place, name in enumerate(NAMES)
        if shares[place] > 0
        for label in np.setdiff1d(np.arange(len(state.names)), state.labels[part == place]).tolist()
    ]
    counts = {name: int((part == place).sum()) for place, name in enumerate(NAMES)}
    return SplitReport(len(part), counts, int((sizes > 1).sum()), int(sizes[sizes > 1].sum()), missing)
