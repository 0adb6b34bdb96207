"""Embedding Atlas: Parquet with a map and neighbours (apple.github.io/embedding-atlas)."""

from __future__ import annotations

from pathlib import Path

from curator.formats._columns import frame
from curator.formats.dataset import DOUBTS, GRAPH, PLACES, Dataset, Format, Options
from curator.formats.parquet import write_table

NEIGHBORS = 15  # as many as Embedding Atlas itself keeps


def write(out: Path, dataset: Dataset, _options: Options) -> None:
    """All that is known of each image, where it lies on the map, and its nearest with cosine distances."""
    import pandas as pd

    table = frame(dataset)
    table["image"] = [str(dataset.images / record.path) for record in dataset.records]
    table["projection_x"], table["projection_y"] = dataset.places.T
    near = zip(dataset.neighbors[:, :NEIGHBORS], dataset.similarities[:, :NEIGHBORS], strict=True)
    neighbors = [{"ids": ids.tolist(), "distances": (1 - similar).tolist()} for ids, similar in near]
    table["neighbors"] = pd.Series(neighbors, dtype=object)
    write_table(out, table)


FORMAT = Format(
    "embedding-atlas",
    "Embedding Atlas, Parquet with a map and neighbours.",
    write=write,
    needs=frozenset({DOUBTS, GRAPH, PLACES}),
)
