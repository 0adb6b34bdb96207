"""Diffs of tables: nothing against itself, everything against nothing, renamed images known by content."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import curator
from curator.comparison import COLUMNS, compare
from curator.errors import CuratorError
from curator.tables import write_csv

ROWS = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"), st.sampled_from(["", "1", "2", "3"]), st.sampled_from(["cat", "dog"])
    ),
    max_size=12,
    unique_by=lambda row: row[0],
)


def table(*rows: tuple[str, str, str], confidence: str = "0.5") -> pd.DataFrame:
    columns = ["path", "id", "predicted_label"]
    return pd.DataFrame(rows, columns=columns, dtype=str).assign(confidence=confidence)


@settings(max_examples=100, deadline=None)
@given(before=ROWS, after=ROWS)
def test_every_image_is_counted_once_and_the_other_way_round_mirrors(
    before: list[tuple[str, str, str]], after: list[tuple[str, str, str]]
) -> None:
    report, frame = compare(table(*before), table(*after))
    assert report.common + report.disappeared == len(before)
    assert report.common + report.appeared == len(after)
    back, _ = compare(table(*after), table(*before))
    assert (back.common, back.appeared, back.disappeared) == (
        report.common,
        report.disappeared,
        report.appeared,
    )
    assert list(frame.columns) == COLUMNS
    same, nothing = compare(table(*before), table(*before))
    assert (same.common, len(nothing)) == (len(before), 0)


def test_a_renamed_image_is_known_by_its_content() -> None:
    report, frame = compare(
        table(("a", "1", "cat"), ("b", "2", "cat")), table(("b", "2", "cat"), ("z", "1", "dog"))
    )
    assert (report.common, report.relabelled, report.appeared) == (2, 1, 0)
    assert list(frame.path) == ["z"]
    assert frame.reason[0] == "predicted_label was cat, is dog; was called a"


def test_copies_are_told_apart_by_their_path() -> None:
    both = table(("a", "1", "cat"), ("b", "1", "dog"))
    assert compare(both, both.iloc[::-1])[0].relabelled == 0


def test_numbers_that_move_are_listed_by_how_far() -> None:
    before = table(("a", "1", "cat"), ("b", "2", "cat"), ("c", "3", "cat"))
    after = before.assign(confidence=["0.51", "0.9", "0.3"])
    report, frame = compare(before, after)
    assert (report.moved, list(frame.path)) == (2, ["b", "c"])
    assert report.mean_difference == pytest.approx(0.07)
    assert frame.difference[0] == pytest.approx(0.4)


def test_files_are_read_as_they_were_written(tmp_path: Path) -> None:
    before, after = table(("=a", "1", "cat")), table(("=a", "1", "-dog"))
    for name, frame in (("before.csv", before), ("after.csv", after)):
        write_csv(frame, tmp_path / name)
    report, changes = curator.diff(tmp_path / "before.csv", tmp_path / "after.csv", output=tmp_path / "d.csv")
    assert report.relabelled == 1
    assert (changes.path[0], changes.after[0]) == ("=a", "-dog")
    assert len(pd.read_csv(tmp_path / "d.csv")) == 1


def test_what_is_no_table_of_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("name,age\nann,3\n")
    (tmp_path / "ragged.csv").write_text('path,label\na,b,c,d\n"x\n')
    (tmp_path / "empty.csv").write_text("")
    good = tmp_path / "good.csv"
    write_csv(table(("a", "1", "cat")), good)
    for name, said in (
        ("other.csv", "no column 'path'"),
        ("ragged.csv", "is no CSV"),
        ("empty.csv", "is no CSV"),
    ):
        with pytest.raises(CuratorError, match=said):
            curator.diff(good, tmp_path / name)
    with pytest.raises(CuratorError, match="cannot read"):
        curator.diff(good, tmp_path / "none.csv")
