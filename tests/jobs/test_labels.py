"""Labels in and out: all of a file or none of it, and nothing a person said is replaced by a folder."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from curator.errors import CuratorError
from curator.jobs.embed import embed
from curator.jobs.labels import are_splits, export_labels, folder_label, import_labels
from curator.store import Workspace

from .conftest import ProjectionEncoder

ON_EVERY_DATABASE = True


@pytest.fixture
def embedded(workspace: Workspace, encoder: ProjectionEncoder) -> Workspace:
    embed(workspace)
    return workspace


def csv_file(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text(content, encoding="utf-8")
    return path


def labels_of(workspace: Workspace) -> dict[str, str]:
    return {row.path: row.label for row in workspace.labels.rows()}


def test_import_then_export_round_trips(tmp_path: Path, embedded: Workspace) -> None:
    file = csv_file(tmp_path, "path,label,annotator\ncat/00.png,cat,ann\ndog/01.png,=dog,\n")
    report = import_labels(embedded, file, annotator="bob")
    assert (report.labels, report.images, report.classes) == (2, 2, 2)
    out = tmp_path / "out.csv"
    frame = export_labels(embedded, out)
    assert frame[["path", "label", "annotator"]].to_numpy().tolist() == [
        ["cat/00.png", "cat", "ann"],
        ["dog/01.png", "=dog", "bob"],
    ]
    import_labels(embedded, out)
    assert labels_of(embedded) == {"cat/00.png": "cat", "dog/01.png": "=dog"}


def test_spellings_of_one_path_name_one_image(tmp_path: Path, embedded: Workspace, photos: Path) -> None:
    content = f"path,label\n./cat/00.png,a\ncat\\01.png,b\n{photos / 'cat' / '02.png'},c\n"
    import_labels(embedded, csv_file(tmp_path, content))
    assert labels_of(embedded) == {"cat/00.png": "a", "cat/01.png": "b", "cat/02.png": "c"}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("cat/99.png,cat", r"line 3: no image 'cat/99.png' in .*photos"),
        ("/etc/passwd,cat", r"line 3: no image '/etc/passwd'"),
        ("../photos/cat/00.png,cat", r"line 3: no image"),
        ("broken.png,cat", r"line 3: the image 'broken.png' could not be read"),
        ("cat/00.png", r"line 3: 1 cells"),
        ("cat/01.png,dog", r"line 3: 'cat/01.png' is 'dog' here but 'cat' on line 2"),
    ],
)
def test_wrong_row_is_named_and_nothing_of_the_file_is_imported(
    tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder, photos: Path, line: str, complaint: str
) -> None:
    (photos / "broken.png").write_bytes(b"x")
    embed(workspace)
    with pytest.raises(CuratorError, match=complaint):
        import_labels(workspace, csv_file(tmp_path, f"path,label\ncat/01.png,cat\n{line}\n"))
    assert labels_of(workspace) == {}


def test_renamed_image_is_known_by_its_id(tmp_path: Path, embedded: Workspace, photos: Path) -> None:
    row = next(embedded.catalog.ready())
    (photos / row.path).rename(photos / "renamed.png")
    embed(embedded)
    import_labels(embedded, csv_file(tmp_path, f"path,label,id\n{row.path},cat,{row.content_hash}\n"))
    assert labels_of(embedded) == {"renamed.png": "cat"}


def test_two_annotators_may_disagree_and_the_last_word_counts(tmp_path: Path, embedded: Workspace) -> None:
    file = csv_file(tmp_path, "path,label,annotator\ncat/00.png,cat,ann\ncat/00.png,dog,bob\n")
    report = import_labels(embedded, file)
    assert (report.labels, report.images) == (2, 1)
    assert labels_of(embedded) == {"cat/00.png": "dog"}


def test_folders_label_what_nobody_has_labelled(
    tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder
) -> None:
    embed(workspace)
    import_labels(workspace, csv_file(tmp_path, "path,label\ncat/00.png,tiger\n"))
    assert embed(workspace, labels_from_folders=True).labelled == 59
    assert labels_of(workspace)["cat/00.png"] == "tiger"
    assert labels_of(workspace)["dog/00.png"] == "dog"
    assert embed(workspace, labels_from_folders=True).labelled == 0, "nothing is said twice"


@pytest.mark.parametrize(
    ("label_of_path"),
    [
        {"a.png": None, "cat/a.png": "cat", "cat/deep/down/a.png": "cat"},
        {"train/cat/a.png": "cat", "Val/cat/x/a.png": "cat", "test/dog/a.png": "dog", "loose.png": None},
        {"car/a.png": "car", "train/a.png": "train", "train/b.png": "train", "bus/a.png": "bus"},
        {"train/old/a.png": "train", "bus/new/a.png": "bus"},
        {"train/a.png": "train", "test/a.png": "test"},
    ],
)
def test_class_is_the_first_folder_or_the_one_in_a_split(label_of_path: dict[str, str | None]) -> None:
    splits = are_splits(label_of_path)
    assert {path: folder_label(path, splits) for path in label_of_path} == label_of_path


def test_an_export_can_be_edited_and_handed_back(
    tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder
) -> None:
    embed(workspace, labels_from_folders=True)
    export_labels(workspace, tmp_path / "out.csv")
    text = (tmp_path / "out.csv").read_text().replace("cat/00.png,cat,", "cat/00.png,tiger,")
    (tmp_path / "edited.csv").write_text(text)
    report = import_labels(workspace, tmp_path / "edited.csv", annotator="ann")
    assert (report.labels, report.unchanged) == (1, 59)
    rows = {row.path: row for row in workspace.labels.rows()}
    assert (rows["cat/00.png"].label, rows["cat/00.png"].annotator) == ("tiger", "ann")
    assert rows["cat/01.png"].annotator == "folders", "what nobody touched is still the folders' word"


def test_who_confirms_a_label_has_said_something(tmp_path: Path, embedded: Workspace) -> None:
    file = csv_file(tmp_path, "path,label\ncat/00.png,cat\n")
    assert import_labels(embedded, file, annotator="ann").labels == 1
    assert import_labels(embedded, file, annotator="ben").labels == 1
    assert import_labels(embedded, file, annotator="ben").unchanged == 1


def test_an_import_asks_the_database_by_the_page_and_not_by_the_line(
    tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder
) -> None:
    embed(workspace)
    asked: list[str] = []

    def ask(*arguments: object) -> None:
        asked.append(str(arguments[2]))

    event.listen(Engine, "before_cursor_execute", ask)
    counts = []
    for count in (10, 20):
        rows = "".join(f"cat/{number:02}.png,class {count}\n" for number in range(count))
        (tmp_path / "labels.csv").write_text(f"path,label\n{rows}")
        asked.clear()
        import_labels(workspace, tmp_path / "labels.csv")
        counts.append(len(asked))
    event.remove(Engine, "before_cursor_execute", ask)
    assert counts[1] <= counts[0] + 2
