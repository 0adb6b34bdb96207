"""Names, classes and sizes that break tools: through the whole of it, and back the same."""

import os
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import curator
from curator.errors import CuratorError
from curator.jobs.audit import audit
from curator.jobs.embed import embed
from curator.jobs.labels import export_labels, import_labels
from curator.jobs.propagate import propagate
from curator.jobs.query import query
from curator.store import Workspace
from curator.tables import read_label_lines, write_csv
from tests.images.image_files import png_claiming, reason_of
from tests.jobs.conftest import encoder, picture  # noqa: F401 - the fixture is found here

NAMES = [
    "new\nline.png",
    "carriage\rreturn.png",
    "tab\t.png",
    'it\'s "quoted".png',
    "🦀 émoji \u202egnp.png",
    "=1+1.png",
    "+1.png",
    "-rf.png",
    "@sum.png",
    "'=2.png",
    "<img src=x onerror=alert(1)>.png",
    "comma, semicolon; pipe|.png",
    "x" * 251 + ".png",
    "e\u0301.png",
    "\u00e9.png",
    "Case.png",
    "case.png",
    "NULL.png",
    " leading and trailing .png",
    "%2e%2e.png",
    "\\back\\slash.png",
]
CLASSES = [
    "nan",
    "NA",
    "None",
    "1",
    "1.0",
    "true",
    "=cmd",
    "'",
    "'=x",
    "-",
    " ",
    "🦀",
    "a,b",
    'say "hi"',
    "NULL",
]


@pytest.fixture
def hard(tmp_path: Path) -> Path:
    """A folder of images with hard names, one of them in bytes that are no text."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        picture(number % 3, number).save(folder / name, "PNG")
    with (Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png"))).open("wb") as file:
        picture(0, 99).save(file, "PNG")
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="needs the file names that Linux allows")
@pytest.mark.usefixtures("encoder")
def test_hard_names_and_classes_survive_the_whole_round(tmp_path: Path, hard: Path) -> None:
    workspace = Workspace.create(tmp_path / ".curator", hard)
    report = embed(workspace, k=5)
    assert (report.images, report.broken) == (len(NAMES), 1)
    _, table = query(workspace, len(NAMES), output=tmp_path / "to_label.csv")
    assert set(table.path) == set(NAMES)
    lines = (tmp_path / "to_label.csv").read_text(encoding="utf-8")
    assert not [line for line in lines.splitlines() if line.startswith(("=", "+", "@", "-"))]
    wanted = {name: CLASSES[number % len(CLASSES)].strip() for number, name in enumerate(NAMES)}
    table["label"] = [wanted[path] for path in table.path]
    write_csv(table, tmp_path / "filled.csv")
    import_labels(workspace, tmp_path / "filled.csv")
    propagate(workspace, output=tmp_path / "predictions.csv")
    audit(workspace, everything=True, output=tmp_path / "suspects.csv")
    frame = export_labels(workspace, tmp_path / "labels.csv")
    assert dict(zip(frame.path, frame.label, strict=True)) == {n: c for n, c in wanted.items() if c}
    other = Workspace.create(tmp_path / "other", hard)
    embed(other, k=5)
    import_labels(other, tmp_path / "labels.csv")
    again = export_labels(other, None)
    assert (again.path == frame.path).all()
    assert (again.label == frame.label).all()


@pytest.mark.usefixtures("encoder")
def test_every_image_a_class_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(30):
        picture(number % 3, number).save(tmp_path / "photos" / f"{number}.png")
    rows = "".join(f"{number}.png,class {number}\n" for number in range(30))
    (tmp_path / "labels.csv").write_text(f"path,label\n{rows}")
    workspace = Workspace.create(tmp_path / ".curator", tmp_path / "photos")
    embed(workspace)
    assert import_labels(workspace, tmp_path / "labels.csv").classes == 30
    assert propagate(workspace)[0].classes == 30
    assert np.isfinite(audit(workspace, everything=True)[1].error_probability).all()


def test_ten_thousand_classes() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 8)).astype(np.float32)
    graph = curator.knn_graph(rows / np.linalg.norm(rows, axis=1, keepdims=True), k=5)
    labels = np.full(300, -1)
    labels[::3] = rng.integers(10_000, size=100)
    soft = curator.propagate(graph, labels, n_classes=10_000)
    assert soft.probabilities.shape == (300, 10_000)
    assert np.isfinite(soft.probabilities).all()
    assert len(curator.query(graph, labels, 10, n_classes=10_000).ids) == 10


def test_an_image_of_nine_hundred_million_pixels_is_refused_from_its_header() -> None:
    assert reason_of(png_claiming(30_000, 30_000)) == "decompression_bomb"


@given(st.sampled_from([b"", b"path,label\n", b"\xef\xbb\xbfpath;label\r\n"]), st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_label_file_or_are_refused(
    tmp_path_factory: pytest.TempPathFactory, head: bytes, rest: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_bytes(head + rest)
    with suppress(CuratorError):
        assert all(line.path and line.label for line in read_label_lines(file))


@pytest.mark.usefixtures("encoder")
def test_a_class_of_one_line_of_a_megabyte(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(f"path,label\na.png,{'x' * (1 << 20)}\n")
    with pytest.raises(CuratorError, match="line 2"):
        read_label_lines(tmp_path / "labels.csv")
