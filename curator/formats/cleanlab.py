"""cleanlab's frame of label issues: a low score is a bad label (docs.cleanlab.ai)."""

from __future__ import annotations

from pathlib import Path

from curator.formats.dataset import DOUBTS, Dataset, Format, Options
from curator.formats.parquet import write_table
from curator.tables import write_csv


def write(out: Path, dataset: Dataset, _options: Options) -> None:
    """A row for each labelled image: as Parquet where the name ends in .parquet, else as CSV."""
    import pandas as pd

    table = pd.DataFrame(
        {
            "path": record.path,
            "is_label_issue": record.is_issue,
            "label_score": 1 - (record.error_probability or 0.0),
            "given_label": record.label,
            "predicted_label": record.suggested_label or record.label,
        }
        for record in dataset.labelled
    )
    if out.suffix == ".parquet":
        write_table(out, table)
    else:
        write_csv(table, out, overwrite=True)


FORMAT = Format(
    "cleanlab",
    "cleanlab's frame of label issues.",
    write=write,
    needs=frozenset({DOUBTS}),
    only_labelled=True,
)
