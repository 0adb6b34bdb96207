"""Label Studio: tasks as JSON, with predictions for people to correct (labelstud.io/guide/tasks)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from curator.errors import CuratorError
from curator.formats._reading import field, label_lines, line, one_class, read_json
from curator.formats._writing import write_json, write_text, xml_text
from curator.formats.dataset import DOUBTS, Dataset, Format, Options, Record
from curator.tables import PATH_COLUMNS, LabelLine

CHOICES, IMAGE = "choice", "image"  # names of the tags in the labelling configuration
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")  # what an upload puts before the name of a file


def read(file: Path) -> list[LabelLine]:
    """The choices of people in an export, JSON or JSON-MIN; predictions and skipped tasks are passed over."""
    tasks = read_json(file)
    if not isinstance(tasks, list):
        raise CuratorError(f"nothing was imported from {file}: it is no list of tasks")
    return label_lines(file, tasks, lambda number, task: list(_task(number, task)), "task")


def _task(number: int, task: Any) -> Iterator[LabelLine]:
    if not isinstance(task, Mapping):
        raise ValueError("is not an object")
    if "data" not in task:  # JSON-MIN: the data and the choice beside each other
        yield from _minimal(number, task)
        return
    path = _path(field(task, "data", dict))
    for annotation in field({"annotations": [], **task}, "annotations", list):
        if annotation.get("was_cancelled"):
            continue
        label = one_class(
            name
            for result in field(annotation, "result", list)
            if field(result, "type", str) == "choices"
            for name in field(field(result, "value", dict), "choices", list)
        )
        if label is not None:
            yield line(number, path, label, _who(annotation.get("completed_by")))


def _minimal(number: int, task: Mapping[str, Any]) -> Iterator[LabelLine]:
    label = task.get(CHOICES, task.get("label", task.get("class")))
    if isinstance(label, Mapping):  # several choices
        label = one_class(field(label, "choices", list))
    if label is not None:
        yield line(number, _path(task), label, _who(task.get("annotator")))


def _who(annotator: object) -> str:
    if isinstance(annotator, Mapping):
        annotator = annotator.get("email", annotator.get("id"))
    return "" if annotator is None else str(annotator)


def _path(data: Mapping[str, Any]) -> str:
    """The path of a task's image: as we wrote it, else out of its address."""
    for name in (*PATH_COLUMNS, "img"):
        if isinstance(data.get(name), str):
            return path_in(data[name])
    raise ValueError(f"has no image under any of {', '.join(PATH_COLUMNS)}")


def path_in(address: str) -> str:
    """The path in the address of an image: local files, uploads, s3:// and the like, or a path."""
    parts = urlsplit(address)
    if parts.path.endswith("/local-files/"):
        return parse_qs(parts.query).get("d", [""])[0]
    if "/upload/" in parts.path:
        return _UPLOADED.sub("", unquote(parts.path).rsplit("/", 1)[-1])
    return unquote(parts.path).lstrip("/") if len(parts.scheme) > 1 else address


def write(out: Path, dataset: Dataset, options: Options) -> None:
    """A task for each image; what it is labelled as an annotation, what is predicted as a prediction.

    The addresses of images are `prefix` and the path; by default those of Label Studio's local files, in a
    folder of the same name as the image folder. The labelling configuration goes into a file beside it, whose
    name ends in .config.xml.
    """
    prefix = (
        f"/data/local-files/?d={quote(dataset.images.name)}/" if options.prefix is None else options.prefix
    )
    tags = configuration(dataset.classes)
    write_json(out, [_written(record, prefix) for record in dataset.records])
    write_text(out.with_suffix(".config.xml"), tags)


def configuration(classes: Sequence[str]) -> str:
    """The labelling configuration to go with the tasks."""
    choices = "".join(f'    <Choice value="{xml_text(name)}"/>\n' for name in classes)
    return (
        f'<View>\n  <Image name="{IMAGE}" value="$image"/>\n'
        f'  <Choices name="{CHOICES}" toName="{IMAGE}" showInLine="true">\n{choices}  </Choices>\n</View>\n'
    )


def _written(record: Record, prefix: str) -> dict[str, Any]:
    data: dict[str, Any] = {"image": prefix + quote(record.path), "path": record.path}
    for name in ("rank", "score", "error_probability", "suggested_label"):
        if getattr(record, name) not in (None, ""):
            data[name] = getattr(record, name)
    task: dict[str, Any] = {"data": data}
    if record.label:
        task["annotations"] = [{"result": [_choice(record.label)]}]
    predicted, confidence = record.opinion
    if predicted:
        score = {} if confidence is None else {"score": confidence}
        task["predictions"] = [{"model_version": "curator", "result": [_choice(predicted)], **score}]
    return task


def _choice(label: str) -> dict[str, Any]:
    return {"from_name": CHOICES, "to_name": IMAGE, "type": "choices", "value": {"choices": [label]}}


FORMAT = Format(
    "label-studio",
    "Label Studio JSON: tasks, annotations, predictions.",
    read,
    write,
    frozenset({DOUBTS}),
    "task",
)
