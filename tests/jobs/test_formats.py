"""Labels through other tools' files into the log and out again, with paths from other machines."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from curator.errors import CuratorError
from curator.formats import FORMATS, Options
from curator.jobs.audit import audit
from curator.jobs.embed import embed
from curator.jobs.export import export
from curator.jobs.import_from import import_from
from curator.jobs.layout import make_layout
from curator.neighbors.sample_scores import hardness
from curator.store import Workspace

from .conftest import ProjectionEncoder


@pytest.fixture
def labelled(workspace: Workspace, encoder: ProjectionEncoder) -> Workspace:
    embed(workspace, labels_from_folders=True)
    return workspace


def labels_of(workspace: Workspace) -> dict[str, str]:
    return {row.path: row.label for row in workspace.labels.rows()}


@pytest.mark.parametrize("name", [name for name, each in FORMATS.items() if each.read and each.write])
def test_labels_reach_another_workspace(
    name: str, tmp_path: Path, labelled: Workspace, encoder: ProjectionEncoder, photos: Path
) -> None:
    export(labelled, tmp_path / "out", name)
    other = Workspace.create(tmp_path / "other", photos)
    embed(other)
    report = import_from(other, tmp_path / "out", name)
    assert (report.labels, report.images, report.classes) == (60, 60, 3)
    assert labels_of(other) == labels_of(labelled)
    assert import_from(other, tmp_path / "out", name).labels == 0, "nothing is said twice"


@pytest.mark.parametrize("name", [name for name, each in FORMATS.items() if each.write])
def test_every_format_is_written_before_there_is_any_label(
    name: str, tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder
) -> None:
    embed(workspace)
    report = export(workspace, tmp_path / "out", name)
    assert (report.images, report.labelled) == (0 if FORMATS[name].only_labelled else 60, 0)
    assert (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["hugging-face", "fiftyone-labels"])
def test_folder_of_another_tool_is_embedded_where_it_lies(
    name: str, tmp_path: Path, labelled: Workspace
) -> None:
    export(labelled, tmp_path / "out", name, options=Options("copy"))
    there = Workspace.create(tmp_path / "there", tmp_path / "out")
    embed(there)
    assert import_from(there, tmp_path / "out", name).labels == 60


def coco(file: Path, name: str) -> Path:
    whole = {
        "images": [{"id": 1, "file_name": name}],
        "annotations": [{"image_id": 1, "category_id": 2}],
        "categories": [{"id": 2, "name": "lynx"}],
    }
    file.write_text(json.dumps(whole))
    return file


@pytest.mark.parametrize("name", ["cat/00.png", "/home/ann/pictures/cat/00.png", "D:\\photos\\cat\\00.png"])
def test_path_from_another_machine_is_known_by_its_end(
    name: str, tmp_path: Path, labelled: Workspace
) -> None:
    import_from(labelled, coco(tmp_path / "coco.json", name), "coco", annotator="ann")
    assert labels_of(labelled)["cat/00.png"] == "lynx"


@pytest.mark.parametrize(
    "address",
    [
        "/data/local-files/?d=photos\\cat\\00.png",
        "/data/local-files/?d=photos%5Ccat%5C00.png",
        "D:\\photos\\cat\\00.png",
    ],
)
def test_label_studio_on_windows_names_images_its_own_way(
    address: str, tmp_path: Path, labelled: Workspace
) -> None:
    task = {"image": address, "choice": "lynx"}
    (tmp_path / "tasks.json").write_text(json.dumps([task]))
    import_from(labelled, tmp_path / "tasks.json", "label-studio", annotator="ann")
    assert labels_of(labelled)["cat/00.png"] == "lynx"


@pytest.mark.parametrize("name", ["00.png", "cat/99.png", "at/00.png"])
def test_unknown_image_is_named_by_its_entry(name: str, tmp_path: Path, labelled: Workspace) -> None:
    before = labels_of(labelled)
    with pytest.raises(CuratorError, match=f"image 1: no image '{name}'"):
        import_from(labelled, coco(tmp_path / "coco.json", name), "coco")
    assert labels_of(labelled) == before


def test_listed_rows_come_in_their_order_with_rank_and_score(tmp_path: Path, labelled: Workspace) -> None:
    _, suspects = audit(labelled, everything=True, output=tmp_path / "suspects.csv")
    report = export(labelled, tmp_path / "tasks.json", "label-studio", rows=tmp_path / "suspects.csv")
    data = [task["data"] for task in json.loads((tmp_path / "tasks.json").read_text())]
    assert report.images == len(suspects) == 60
    assert [each["path"] for each in data] == suspects["path"].tolist()
    assert [each["rank"] for each in data] == list(range(1, 61))
    np.testing.assert_allclose([each["score"] for each in data], suspects["error_probability"], atol=1e-5)


def test_map_is_the_stored_one_where_there_is_one(tmp_path: Path, labelled: Workspace) -> None:
    places = make_layout(labelled, seed=3)
    export(labelled, tmp_path / "atlas.parquet", "embedding-atlas")
    frame = pd.read_parquet(tmp_path / "atlas.parquet")
    np.testing.assert_array_equal(frame[["projection_x", "projection_y"]], places)


def test_hardness_is_0_where_certain_and_1_where_nothing_is_known() -> None:
    np.testing.assert_allclose(hardness(np.array([[1, 0, 0, 0], [0.25] * 4])), [0, 1], atol=1e-6)


@pytest.mark.parametrize(
    ("out", "name", "complaint"),
    [
        ("photos/out.json", "coco", "would lie among the images"),
        ("nowhere/out.json", "coco", "there is no folder"),
        ("photos", "image-folder", "exists"),
        ("out", "xls", "no format that can be exported: choose one of csv"),
    ],
)
def test_place_that_is_taken_or_wrong_is_refused(
    out: str, name: str, complaint: str, tmp_path: Path, labelled: Workspace
) -> None:
    with pytest.raises(CuratorError, match=complaint):
        export(labelled, tmp_path / out, name, overwrite=True)


def test_format_that_is_only_written_cannot_be_imported(tmp_path: Path, labelled: Workspace) -> None:
    with pytest.raises(CuratorError, match="'knn-graph' is no format that can be imported: choose one of"):
        import_from(labelled, tmp_path, "knn-graph")
