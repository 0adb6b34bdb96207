"""CSV files for people: no cell runs, nothing is lost on the way through a spreadsheet or pandas."""

import io
import string
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.errors import CuratorError
from curator.tables import FORMULA_STARTS, cells, escape, read_label_lines, to_csv, unescape, write_csv

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20) | st.text(
    "=+-@'\t\rab", max_size=4
)


@given(CELL)
def test_escaping_is_undone_and_no_cell_starts_a_formula(cell: str) -> None:
    assert unescape(escape(cell)) == cell
    assert not escape(cell).startswith(FORMULA_STARTS)


@given(st.lists(st.tuples(CELL, CELL), max_size=5))
def test_table_round_trips_through_pandas(table: list[tuple[str, str]]) -> None:
    frame = pd.DataFrame(table, columns=["path", "label"])
    back = pd.read_csv(io.StringIO(to_csv(frame)), dtype=str, keep_default_na=False, lineterminator="\n")
    assert [tuple(map(unescape, row)) for row in back.itertuples(index=False)] == table


def label_file(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "labels.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        "path,label\na.png,cat\nb.png,\nc.png,dog\n",
        "\ufeffpath,label\r\na.png,cat\r\nb.png,\r\nc.png,dog\r\n",
        "label;extra;filename\ncat;1;a.png\n;2;b.png\ndog;3;c.png",
        "Image\tClass\na.png\tcat\n\nc.png\tdog\n",
    ],
)
def test_common_spellings_of_a_label_file_read_the_same(tmp_path: Path, content: str) -> None:
    lines = read_label_lines(label_file(tmp_path, content))
    assert [(line.path, line.label) for line in lines] == [("a.png", "cat"), ("c.png", "dog")]


def test_class_names_that_look_like_missing_values_are_kept(tmp_path: Path) -> None:
    lines = read_label_lines(label_file(tmp_path, "path,label\na,nan\nb,NA\nc,None\nd,1\ne,null\n"))
    assert [line.label for line in lines] == ["nan", "NA", "None", "1", "null"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "must name a column 'path'"),
        ("path,annotator\na,b\n", "must name a column 'label'"),
        ("path,label,label\na,b,c\n", "'label' stands there twice"),
        ("path,label\na,cat\nb\n", "line 3: 1 cells where the header has 2"),
        ("path,label\na,cat,x\n", "line 2: 3 cells where the header has 2"),
        ('path,label\n"a\nb",cat\nc\n', "line 4: 1 cells"),
        ("path,label\n,cat\n", "line 2: the path is empty"),
        ('path,label\na,"ca\nt"\n', "line 2: the label 'ca\\nt' holds a line break"),
        ('path,label\na,"cat\n', "line 2: unexpected end of data"),
        (b"path,label\na,caf\xe9\n", "line 2 is not UTF-8"),
    ],
)
def test_malformed_file_is_refused_by_naming_the_line(
    tmp_path: Path, content: str | bytes, complaint: str
) -> None:
    with pytest.raises(CuratorError) as caught:
        read_label_lines(label_file(tmp_path, content))
    assert complaint in str(caught.value)
    assert "nothing was imported" in str(caught.value)


def test_long_list_of_problems_is_cut_and_counted(tmp_path: Path) -> None:
    with pytest.raises(CuratorError, match=r"\.\.\. and 15 more"):
        read_label_lines(label_file(tmp_path, "path,label\n" + ",cat\n" * 20))


def test_existing_file_is_replaced_only_when_told(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("mine")
    frame = cells([{"a": 1}], ["a"])
    with pytest.raises(CuratorError, match="--overwrite"):
        write_csv(frame, path)
    assert path.read_text() == "mine"
    write_csv(frame, path, overwrite=True)
    assert path.read_text() == "a\n1\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.csv"], "no temporary file is left"


@pytest.mark.parametrize("path", ["a\rb.png", "a\r\nb.png", "\r", "plain.png"])
def test_line_ends_in_a_path_do_not_end_the_row(tmp_path: Path, path: str) -> None:
    write_csv(pd.DataFrame({"path": [path], "label": ["cat"]}), tmp_path / "t.csv")
    (line,) = read_label_lines(tmp_path / "t.csv")
    assert (line.path, line.label) == (path, "cat")


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CuratorError, match="nowhere"):
        write_csv(cells([], ["a"]), tmp_path / "nowhere" / "out.csv")


def test_printable_ascii_cells_need_no_quotes_beyond_what_csv_asks() -> None:
    plain = string.ascii_letters + string.digits
    assert to_csv(pd.DataFrame({"a": [plain]})) == f"a\n{plain}\n"
