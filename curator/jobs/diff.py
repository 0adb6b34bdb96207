"""What changed between two runs, or two tables of results."""

from pathlib import Path

import pandas as pd

from curator.comparison import DiffReport, compare
from curator.errors import CuratorError
from curator.jobs.kept_runs import find_run, is_run_name, last_two, run_table
from curator.store.workspace import Workspace
from curator.tables import check_output, read_table, write_csv


def diff(
    before: Path | str | None = None,
    after: Path | str | None = None,
    *,
    workspace: Workspace | None = None,
    verb: str | None = None,
    output: Path | None = None,
    overwrite: bool = False,
) -> tuple[DiffReport, pd.DataFrame]:
    """Compare two runs, or two CSV files of predictions, suspects, images to label or any other table.

    Args:
        before: a file, or a run that is kept, such as "propagate:3"; None for the last two runs.
        after: the same.
        workspace: where the runs are kept; the nearest by default.
        verb: whose last two runs are compared, "propagate" or "audit"; by default the first that has two.
        output: where to write the table.
        overwrite: whether a file there may be replaced.

    Raises:
        CuratorError: a file that cannot be read, or is no table about images; a run that is not kept.
        MissingWorkError: no two runs are kept.

    """
    check_output(output, overwrite=overwrite)
    if (before is None) != (after is None):
        raise CuratorError("name two tables or runs to compare, or none for the last two runs")
    if before is None or after is None:
        opened = workspace or Workspace.open()
        tables = [run_table(opened, run) for run in last_two(opened, verb)]
    else:
        tables = [_table(each, workspace) for each in (before, after)]
    report, frame = compare(*tables)
    if output is not None:
        write_csv(frame, output, overwrite=overwrite)
    return report, frame


def _table(named: Path | str, workspace: Workspace | None) -> pd.DataFrame:
    if is_run_name(str(named)) and not Path(named).exists():
        opened = workspace or Workspace.open()
        return run_table(opened, find_run(opened, str(named)))
    return read_table(Path(named))
