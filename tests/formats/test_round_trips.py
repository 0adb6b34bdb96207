"""What is written reads back the same, whole or not at all, and says what other tools look for."""

import json
from dataclasses import replace
from pathlib import Path, PureWindowsPath

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import sparse

from curator.errors import CuratorError
from curator.formats import FORMATS, Dataset, Options
from curator.formats.image_folder import folder_name
from curator.formats.label_studio import path_in

from .conftest import ANNOTATED, COCO, labels_in, labels_of, written

BOTH_WAYS = [name for name, each in FORMATS.items() if each.read and each.write]
FOLDERS = [name for name, each in FORMATS.items() if each.links_images]


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_labels_come_back_as_they_went(name: str, tmp_path: Path, dataset: Dataset) -> None:
    out = written(name, tmp_path / "out", dataset)
    assert labels_of(name, out, dataset) == {record.path: record.label for record in dataset.labelled}


@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet"])
def test_tables_keep_who_said_so_and_the_content(name: str, tmp_path: Path, dataset: Dataset) -> None:
    read = FORMATS[name].read
    assert read is not None
    lines = read(written(name, tmp_path / "out", dataset))
    assert [(line.annotator, line.content_hash) for line in lines] == [
        (record.annotator, record.content_hash) for record in dataset.labelled
    ]


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("link", ["symlink", "hard", "copy"])
def test_images_are_linked_and_never_changed(name: str, link: str, tmp_path: Path, dataset: Dataset) -> None:
    out = written(name, tmp_path / "out", dataset, Options(link))
    images = list(out.rglob("*.png"))
    assert len(images) == len(dataset.labelled)
    assert all(path.is_symlink() == (link == "symlink") for path in images)
    assert all((path.stat().st_nlink > 1) == (link == "hard") for path in images)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in images)


@pytest.mark.parametrize("name", FOLDERS)
def test_folder_that_could_not_be_finished_is_not_there(name: str, tmp_path: Path, dataset: Dataset) -> None:
    (dataset.images / dataset.labelled[-1].path).unlink()
    with pytest.raises(CuratorError, match=r"cannot make .* try --link"):
        written(name, tmp_path / "out", dataset, Options("copy"))
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


@pytest.mark.parametrize(
    ("label", "folder"),
    [
        ("cat", "cat"),
        ("Größe 3", "Größe 3"),
        ("../up", "%2E.%2Fup"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("a/b\\c", "a%2Fb%5Cc"),
        ("50%", "50%25"),
        ("con.x", "%63on.x"),
        ("dot.", "dot%2E"),
    ],
)
def test_class_is_a_safe_name_of_a_folder(label: str, folder: str) -> None:
    assert folder_name(label) == folder


def test_label_studio_shows_rank_score_and_a_prediction(tmp_path: Path, dataset: Dataset) -> None:
    tasks = json.loads(written("label-studio", tmp_path / "out.json", dataset).read_text())
    first, last = tasks[0], tasks[-1]
    assert first["data"]["image"] == "/data/local-files/?d=images/x/1.png"
    assert first["data"]["error_probability"] == 0.0
    assert first["annotations"][0]["result"][0]["value"] == {"choices": ["a/b: <c>"]}
    assert "score" not in first["predictions"][0]
    assert last["predictions"][0]["score"] == 0.5
    assert "annotations" not in last
    assert '<Choice value="a/b: &lt;c&gt;"/>' in (tmp_path / "out.config.xml").read_text()


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/data/local-files/?d=photos/a%20b/1.png", "photos/a b/1.png"),
        ("/data/upload/3/1a2b3c4d-cat.png", "cat.png"),
        ("s3://bucket/photos/cat.png", "photos/cat.png"),
        ("https://host/photos/cat%20.png?token=1", "photos/cat .png"),
        ("photos/cat 100%.png", "photos/cat 100%.png"),
        ("C:\\photos\\cat.png", "C:\\photos\\cat.png"),
    ],
)
def test_path_is_found_in_the_address_of_an_image(address: str, path: str) -> None:
    assert path_in(address) == path


def test_low_scores_are_bad_labels_for_cleanlab(tmp_path: Path, dataset: Dataset) -> None:
    frame = pd.read_csv(written("cleanlab", tmp_path / "out.csv", dataset))
    assert list(frame) == ["path", "is_label_issue", "label_score", "given_label", "predicted_label"]
    assert frame["label_score"].tolist() == pytest.approx([1, 0.9, 0.8, 0.7, 0.6])
    assert frame["is_label_issue"].tolist() == [False] * 4 + [True]


def test_graph_is_a_matrix_of_distances_nearest_first(tmp_path: Path, dataset: Dataset) -> None:
    matrix = sparse.csr_matrix(sparse.load_npz(written("knn-graph", tmp_path / "graph.npz", dataset)))
    assert matrix.shape == (6, 6)
    assert matrix.indices[-2:].tolist() == [0, 1]
    assert matrix.data[-2:].tolist() == pytest.approx([0.1, 0.5])


def test_embedding_atlas_gets_a_map_and_neighbours(tmp_path: Path, dataset: Dataset) -> None:
    frame = pd.read_parquet(written("embedding-atlas", tmp_path / "out.parquet", dataset))
    assert frame["projection_y"].tolist() == [1, 3, 5, 7, 9, 11]
    assert frame["neighbors"][5]["ids"].tolist() == [0, 1]
    assert Path(frame["image"][0]).is_file()


def test_fiftyone_samples_have_the_fields_of_its_brain(tmp_path: Path, dataset: Dataset) -> None:
    out = written("fiftyone", tmp_path / "out", dataset)
    samples = json.loads((out / "samples.json").read_text())["samples"]
    assert samples[4]["mistakenness"] == 0.4
    assert samples[4]["tags"] == ["issue"]
    assert (samples[5]["predictions"]["label"], samples[5]["predictions"]["confidence"]) == ("cat", 0.5)
    assert "ground_truth" not in samples[5]
    assert {"uniqueness", "representativeness", "hardness"} < samples[0].keys()


@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet"])
def test_row_of_a_table_with_a_blank_label_is_not_filled_in(name: str, tmp_path: Path) -> None:
    file = tmp_path / "out"
    rows = pd.DataFrame({"path": ["a.png", "b.png", "c.png"], "label": ["", "  ", "cat"]})
    if name == "csv":
        rows.to_csv(file, index=False)
    elif name == "jsonl":
        rows.to_json(file, orient="records", lines=True)
    else:
        rows.to_parquet(file)
    assert labels_in(name, file) == {"c.png": "cat"}


@pytest.mark.parametrize("name", ["parquet", "hugging-face"])
def test_numbers_in_parquet_stay_whole_where_some_are_not_filled_in(name: str, tmp_path: Path) -> None:
    table = pa.table({"path": ["a.png", "b.png"], "label": pa.array([3, None])})
    pq.write_table(table, tmp_path / "metadata.parquet")
    assert labels_in(name, tmp_path / "metadata.parquet") == {"a.png": "3"}


def test_label_studio_reads_people_and_not_predictions(tmp_path: Path) -> None:
    def annotation(label: str, **more: object) -> dict[str, object]:
        return {"result": [{"type": "choices", "value": {"choices": [label]}}], **more}

    tasks = [
        {
            "data": {"image": "a.png"},
            "predictions": [annotation("never")],
            "annotations": [
                annotation("cat", completed_by={"email": "ann@x.org"}),
                annotation("dog", completed_by=7),
                annotation("eel", was_cancelled=True),
            ],
        },
        {"image": "b.png", "choice": "cat", "annotator": 3, "id": 9},
    ]
    file = tmp_path / "export.json"
    file.write_text(json.dumps(tasks))
    read = FORMATS["label-studio"].read
    assert read is not None
    assert [(line.path, line.label, line.annotator) for line in read(file)] == [
        ("a.png", "cat", "ann@x.org"),
        ("a.png", "dog", "7"),
        ("b.png", "cat", "3"),
    ]


def test_hugging_face_reads_a_metadata_file_of_each_split(tmp_path: Path) -> None:
    tables = {
        "train/metadata.csv": "file_name,label\na.png,0\n",
        "test/metadata.jsonl": '{"file_name": "b.png", "label": 1}\n',
    }
    for table, rows in tables.items():
        (tmp_path / table).parent.mkdir()
        (tmp_path / table).write_text(rows)
    assert labels_in("hugging-face", tmp_path) == {"train/a.png": "0", "test/b.png": "1"}


def coco_file(file: Path, name: str, label: str = "cat") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(COCO % (name, ANNOTATED, label))


def test_coco_folder_of_any_make_finds_its_images(tmp_path: Path) -> None:
    for path in ("coco/val2017/1.png", "fiftyone/data/a/1.png", "roboflow/test/1.png", "plain/images/1.png"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).touch()
    coco_file(tmp_path / "coco" / "annotations" / "instances_val2017.json", "1.png")
    coco_file(tmp_path / "fiftyone" / "labels.json", "a/1.png")
    coco_file(tmp_path / "roboflow" / "test" / "_annotations.coco.json", "1.png")
    coco_file(tmp_path / "plain" / "annotations" / "all.json", "1.png")
    assert [labels_in("coco", tmp_path / each) for each in ("coco", "fiftyone", "roboflow", "plain")] == [
        {"val2017/1.png": "cat"},
        {"data/a/1.png": "cat"},
        {"test/1.png": "cat"},
        {"images/1.png": "cat"},
    ]


def test_coco_folder_opens_no_other_place(tmp_path: Path) -> None:
    coco_file(tmp_path / "labels.json", "/etc/passwd")
    assert labels_in("coco", tmp_path) == {"/etc/passwd": "cat"}  # a name, that no image of a workspace has
    (tmp_path / "empty").mkdir()
    with pytest.raises(CuratorError, match="there is none of annotations"):
        labels_in("coco", tmp_path / "empty")


def test_coco_folder_takes_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    coco_file(tmp_path / "labels.json", f"{'a' * 300}.png")
    assert labels_in("coco", tmp_path) == {f"{'a' * 300}.png": "cat"}  # as one that is not there


def test_fiftyone_data_set_on_disk_has_labels_of_several_kinds(tmp_path: Path) -> None:
    samples = [
        {"filepath": "data/1.jpg", "ground_truth": {"_cls": "Classification", "label": "cat"}},
        {"filepath": "data/2.jpg", "ground_truth": {"detections": [{"label": "dog"}, {"label": "dog"}]}},
        {"filepath": "data/3.jpg", "ground_truth": None},
        {"filepath": "data/4.jpg", "ground_truth": {"classifications": []}},
        {"filepath": "data/5.jpg"},
    ]
    (tmp_path / "samples.json").write_text(json.dumps({"samples": samples}))
    assert labels_in("fiftyone", tmp_path) == {"data/1.jpg": "cat", "data/2.jpg": "dog"}


def test_label_studio_paths_have_forward_slashes_on_any_system(tmp_path: Path, dataset: Dataset) -> None:
    windows = replace(dataset, images=PureWindowsPath("C:\\photos\\mine"))  # type: ignore[arg-type]
    tasks = json.loads(written("label-studio", tmp_path / "out.json", windows).read_text())
    assert [task["data"]["path"] for task in tasks] == [record.path for record in dataset.records]
    assert tasks[0]["data"]["image"] == "/data/local-files/?d=mine/x/1.png"
    assert not any("\\" in task["data"]["image"] for task in tasks)
