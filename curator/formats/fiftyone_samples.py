"""FiftyOne samples with labels, predictions and scores, for `fo.types.LegacyFiftyOneDataset`.

Read is what any of FiftyOne's own data sets on disk has: a samples.json with paths and `ground_truth`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from curator.formats._reading import field, label_lines, line, member, one_class, read_json
from curator.formats._writing import new_folder, write_json
from curator.formats.dataset import DOUBTS, GRAPH, Dataset, Format, Options, Record
from curator.tables import LabelLine

SAMPLES = "samples.json"
PARTS = ("classifications", "detections", "polylines", "keypoints")
SCORES = {  # the names that FiftyOne Brain gives to what we call otherwise
    "mistakenness": "error_probability",
    "hardness": "hardness",
    "uniqueness": "uniqueness",
    "representativeness": "representativeness",
}


def read(source: Path) -> list[LabelLine]:
    """The `ground_truth` of each sample of a FiftyOne data set on disk, or of its samples.json."""
    file = source / SAMPLES if source.is_dir() else source
    samples = member(read_json(file), "samples", list, file)

    def parse(number: int, sample: Any) -> list[LabelLine]:
        path: str = field(sample, "filepath", str)
        truth = sample.get("ground_truth")
        label = None if truth is None else one_class(_named(truth))
        return [] if label is None else [line(number, path, label)]

    return label_lines(file, samples, parse, "sample")


def _named(truth: Any) -> list[str]:
    """The classes of a Classification, or of the parts of Classifications, Detections and the like."""
    several = next((name for name in PARTS if isinstance(truth, dict) and name in truth), None)
    parts: list[Any] = [truth] if several is None else field(truth, several, list)
    return [field(part, "label", str) for part in parts]


def write(out: Path, dataset: Dataset, _options: Options) -> None:
    """A folder with metadata.json and samples.json; the images stay where they are."""
    with new_folder(out) as folder:
        write_json(folder / "metadata.json", _metadata(dataset))
        write_json(folder / SAMPLES, {"samples": [_sample(dataset, each) for each in dataset.records]})


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
    "FiftyOne samples with labels, predictions and scores.",
    read,
    write,
    frozenset({DOUBTS, GRAPH}),
    "sample",
    writes_folder=True,
)
