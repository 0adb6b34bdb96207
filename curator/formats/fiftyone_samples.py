"""FiftyOne samples with labels, predictions and scores, for `fo.types.LegacyFiftyOneDataset`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from curator.formats._writing import new_folder, write_json
from curator.formats.dataset import DOUBTS, GRAPH, Dataset, Format, Options, Record

SCORES = {  # the names that FiftyOne Brain gives to what we call otherwise
    "mistakenness": "error_probability",
    "hardness": "hardness",
    "uniqueness": "uniqueness",
    "representativeness": "representativeness",
}


def write(out: Path, dataset: Dataset, _options: Options) -> None:
    """A folder with metadata.json and samples.json; the images stay where they are."""
    with new_folder(out) as folder:
        write_json(folder / "metadata.json", _metadata(dataset))
        write_json(folder / "samples.json", {"samples": [_sample(dataset, each) for each in dataset.records]})


def _metadata(dataset: Dataset) -> dict[str, Any]:
    label = {"embedded_doc_type": "fiftyone.core.labels.Classification"}
    fields: dict[str, Any] = {
        "filepath": "fiftyone.core.fields.StringField",
        "ground_truth": label,
        "predictions": label,
    }
    return {"name": dataset.images.name, "media_type": "image", "sample_fields": fields}


def _sample(dataset: Dataset, record: Record) -> dict[str, Any]:
    sample: dict[str, Any] = {
        "_cls": "Sample",
        "filepath": str(dataset.images / record.path),
        "tags": ["issue"] if record.is_issue else [],
    }
    if record.label:
        sample["ground_truth"] = _classification(record.label)
    predicted, confidence = record.opinion
    if predicted:
        sample["predictions"] = _classification(predicted, confidence=confidence)
    return sample | {name: getattr(record, ours) for name, ours in SCORES.items()}


def _classification(label: str, **more: float | None) -> dict[str, Any]:
    return {"_cls": "Classification", "tags": [], "label": label, **more}


FORMAT = Format(
    "fiftyone",
    "FiftyOne samples with labels, predictions and scores",
    write=write,
    needs=frozenset({DOUBTS, GRAPH}),
    writes_folder=True,
)
