"""What the table says of each format is true, and whatever else lists formats has them all."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.formats import WRITTEN
from curator.formats import FORMATS, Dataset
from tests.fuzz.targets import LABELS

from .conftest import written

ROOT = Path(__file__).parents[2]
READABLE = [name for name, each in FORMATS.items() if each.read]
WRITABLE = [name for name, each in FORMATS.items() if each.write]


def contents(out: Path) -> dict[str, bytes]:
    """Every file of what was written, by its path there."""
    files = [path for path in out.rglob("*") if path.is_file()] if out.is_dir() else [out]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def test_every_format_is_documented() -> None:
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE) == list(FORMATS)


def test_every_format_that_is_read_gets_bytes_from_strangers() -> None:
    assert list(LABELS) == READABLE


def test_every_format_that_is_written_is_put_to_its_tool() -> None:
    assert list(WRITTEN) == WRITABLE


@pytest.mark.parametrize("name", WRITABLE)
def test_unlabelled_images_are_left_out_where_the_table_says_so(
    name: str, tmp_path: Path, dataset: Dataset
) -> None:
    n = len(dataset.labelled)
    without = replace(
        dataset,
        records=dataset.labelled,
        neighbors=dataset.neighbors[:n] % n,
        similarities=dataset.similarities[:n],
        places=dataset.places[:n],
    )
    same = contents(written(name, tmp_path / "all", dataset)) == contents(
        written(name, tmp_path / "labelled", without)
    )
    assert same == FORMATS[name].only_labelled


@pytest.mark.parametrize("name", WRITABLE)
def test_folders_are_made_and_hold_the_images_where_the_table_says_so(
    name: str, tmp_path: Path, dataset: Dataset
) -> None:
    out, kind = written(name, tmp_path / "out", dataset), FORMATS[name]
    images = {path.resolve() for path in out.rglob("*.png")}
    assert out.is_dir() == kind.writes_folder
    assert images == {dataset.images / each.path for each in dataset.labelled if kind.links_images}
