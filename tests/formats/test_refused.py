"""What strangers hand in and does not fit is refused by its entry; what no file can hold is not written."""

from dataclasses import replace
from pathlib import Path

import pytest

from curator.errors import CuratorError
from curator.formats import Dataset

from .conftest import ANNOTATED, CLASSES, COCO, labels_in, written

XML = '<annotations><image id="0" name="%s"><tag label="%s"/></image></annotations>'


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("coco", "[" * 100_000, "nested too deeply"),
        ("coco", "{", "no JSON"),
        ("coco", "[]", "needs a list 'categories'"),
        ("coco", COCO % ("../a.png", ANNOTATED, "cat"), r"image 1: the path '../a.png' leads out"),
        ("coco", COCO % ("a.png", ANNOTATED, "c\\nt"), "image 1: the label .* control character"),
        ("coco", COCO % ("a.png", '[{"image_id": 2, "category_id": 1}]', "cat"), "annotation 1: .* image 2"),
        (
            "coco",
            COCO % ("a.png", '[{"image_id": 1, "category_id": 7}]', "cat"),
            "annotation 1: .* category 7",
        ),
        ("coco", COCO % ("a.png", "[7]", "cat"), "annotation 1: is not an object"),
        ("label-studio", "{}", "no list of tasks"),
        ("label-studio", '[{"data": {"text": "a"}}]', "task 1: has no image"),
        ("label-studio", '[{"image": "a.png", "choice": {"choices": ["b", "c"]}}]', "task 1: has 2 classes"),
        ("label-studio", '[{"image": "/data/local-files/?d=../a.png", "choice": "b"}]', r"task 1: .* '\.\.'"),
        ("fiftyone-labels", '{"classes": ["a"], "labels": {"x": 3}}', "entry 1: .* not among the classes"),
        ("fiftyone-labels", '{"classes": ["a"], "labels": {"x": true}}', "entry 1"),
        ("cvat", XML % ("../a.png", "cat"), "image 1: .* leads out"),
        ("cvat", "<annotations>" * 100, "nested too deeply"),
        ("cvat", "<annotations>", "no XML"),
        ("cvat", "<a/>", "no <image>"),
        (
            "cvat",
            '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + XML % ("a.png", "&x;"),
            "document type",
        ),
        ("cvat", '<!DOCTYPE a [<!ENTITY x "xx"><!ENTITY y "&x;&x;">]><annotations/>', "document type"),
        *(
            ("cvat", f'<?xml version="1.0" encoding="{encoding}"?>' + XML % ("a.png", "b"), "no XML")
            for encoding in ("foo", "idna", "utf-7", "shift_jis", "rot13", "punycode")
        ),
        ("coco", COCO % ("a.png", ANNOTATED, " "), "image 1: the label is empty"),
        ("coco", COCO % ("\\ud800.png", ANNOTATED, "cat"), "image 1: the path .* no Unicode"),
        ("cvat", XML.replace('label="%s"', "") % "a.png", "image 1: the label is empty"),
        ("label-studio", '[{"image": "a.png", "choice": ""}]', "task 1: the label is empty"),
        (
            "label-studio",
            '[{"image": "a.png", "choice": "b", "annotator": "\\ud800"}]',
            "task 1: the annotator .* no Unicode",
        ),
        ("fiftyone-labels", '{"labels": {"x": ""}}', "entry 1: the label is empty"),
        ("jsonl", '{"path": "a.png", "label": "b"}\n{', "line 2"),
        ("jsonl", '{"path": "a.png", "label": "b", "id": "\\ud800"}', "line 1: the id .* no Unicode"),
        ("jsonl", "7", "line 1: is not an object"),
        ("jsonl", '{"path": "a.png", "label": "b"}\n\n7', "line 3: is not an object"),
        ("jsonl", '{"path": "a.png", "label": [1]}', "line 1: the label"),
        ("webdataset", "no archive " * 100, "no whole tar archive"),
        ("parquet", "PAR1 is not enough", "no Parquet"),
    ],
)
def test_hostile_or_broken_file_is_refused_by_its_entry(
    name: str, text: str, complaint: str, tmp_path: Path
) -> None:
    file = tmp_path / "labels"
    file.write_text(text)
    with pytest.raises(CuratorError, match=f"(?s)nothing was imported from .*{complaint}"):
        labels_in(name, file)


def test_file_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "big.json"
    with file.open("wb") as opened:
        opened.truncate(2**30 + 1)  # a hole: takes no room
    with pytest.raises(CuratorError, match="more than the"):
        labels_in("coco", file)


@pytest.mark.parametrize(
    ("sample", "complaint"),
    [
        ("7", "sample 1: is not an object"),
        ('{"filepath": "../1.jpg", "ground_truth": {"label": "x"}}', "sample 1: .* leads out"),
        ('{"filepath": "1.jpg", "ground_truth": 7}', "sample 1: is not an object"),
        (
            '{"filepath": "1.jpg", "ground_truth": {"detections": 7}}',
            "sample 1: has a 'detections' of",
        ),
        (
            '{"filepath": "1.jpg", "ground_truth": {"detections": [{"label": "a"}, {"label": "b"}]}}',
            "sample 1: has 2 classes",
        ),
    ],
)
def test_fiftyone_sample_that_does_not_fit_is_named(sample: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "samples.json").write_text(f'{{"samples": [{sample}]}}')
    with pytest.raises(CuratorError, match=complaint):
        labels_in("fiftyone", tmp_path)


@pytest.mark.parametrize("file", ["t.parquet", "metadata.parquet"])
@pytest.mark.parametrize("damage", ["no archive", ""])
def test_table_of_hugging_face_that_is_damaged_is_named(damage: str, file: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(damage)
    with pytest.raises(CuratorError, match=rf"nothing was imported from .*{file}"):
        labels_in("hugging-face", tmp_path)


@pytest.mark.parametrize("letter", ["\x01", "\ufffe"])
@pytest.mark.parametrize(("name", "part"), [("cvat", "path"), ("cvat", "label"), ("label-studio", "label")])
def test_name_that_no_xml_holds_is_refused_before_anything_is_written(
    name: str, part: str, letter: str, tmp_path: Path, dataset: Dataset
) -> None:
    odd = f"a{letter}"
    record = replace(dataset.records[0], path=odd) if part == "path" else dataset.records[0]
    classes = [odd, *CLASSES] if part == "label" else CLASSES
    with pytest.raises(CuratorError, match=r"XML cannot hold the name 'a.*: rename"):
        written(name, tmp_path / "out", replace(dataset, classes=classes, records=[record]))
    assert [path.name for path in tmp_path.iterdir()] == ["images"]
