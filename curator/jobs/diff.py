"""What changed between two tables of results."""

from pathlib import Path

import pandas as pd

from curator.comparison import DiffReport, compare
from curator.tables import check_output, read_table, write_csv


def diff(
    before: Path, after: Path, *, output: Path | None = None, overwrite: bool = False
) -> tuple[DiffReport, pd.DataFrame]:
    """Compare two CSV files of predictions, suspects, images to label or any other table of curator.

    Raises:
        CuratorError: a file that cannot be read, or is no table about images.

    """
    check_output(output, overwrite=overwrite)
    report, frame = compare(read_table(before), read_table(after))
    if output is not None:
        write_csv(frame, output, overwrite=overwrite)
    return report, frame
