"""duplicates, outliers, leakage and faults on a workspace: tables as documented, of planted faults."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

import curator
from curator.errors import CuratorError, MissingWorkError
from curator.jobs.embed import embed
from curator.store import Workspace

from .conftest import ProjectionEncoder, picture


def scene(seed: int) -> Image.Image:
    """A picture with edges, larger than the noise of `picture`."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((48, 64, 3)) + rng.integers(60, 200, 3)
    for _ in range(12):
        top, left = rng.integers(0, 40), rng.integers(0, 52)
        pixels[top : top + rng.integers(4, 20), left : left + rng.integers(4, 30)] = rng.integers(0, 255, 3)
    return Image.fromarray((pixels + rng.normal(0, 8, pixels.shape)).clip(0, 255).astype(np.uint8))


@pytest.fixture
def scenes(photos: Path) -> Path:
    """Other photos: 40 scenes in two class folders."""
    for name in ("cat", "dog", "eel"):
        for file in (photos / name).iterdir():
            file.unlink()
    for seed in range(40):
        scene(seed).save(photos / ("cat" if seed % 2 else "dog") / f"{seed:02}.png")
    return photos


def test_duplicates_are_grouped_around_the_one_to_keep(
    tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder, scenes: Path
) -> None:
    scene(1).resize((128, 96)).save(scenes / "cat" / "large.png")
    scene(1).save(scenes / "dog" / "other label.jpg", quality=90)
    (scenes / "dog" / "copy.png").write_bytes((scenes / "dog" / "02.png").read_bytes())
    embed(workspace, labels_from_folders=True)
    report, frame = curator.duplicates(workspace, output=tmp_path / "duplicates.csv")
    assert (report.images, report.groups, report.exact, report.near, report.conflicts) == (43, 2, 1, 2, 1)
    assert list(frame.path) == [
        "cat/large.png",
        *sorted(["cat/01.png", "dog/other label.jpg"], key=list(frame.path).index),
        "dog/02.png",
        "dog/copy.png",
    ]
    assert list(frame.keep) == [True, False, False, True, False]
    assert list(frame.kind) == ["kept", "near", "near", "kept", "exact"]
    assert frame.reason[0] == "keep: the largest, 128 x 96 pixels; the labels of this group differ"
    assert frame.reason[4] == "the same file as dog/02.png"
    assert frame.similarity.between(0, 1).all()
    stored = pd.read_csv(tmp_path / "duplicates.csv")
    assert list(stored.columns) == list(frame.columns)
    assert list(stored.keep) == list(frame.keep)
    with pytest.raises(CuratorError, match="--overwrite"):
        curator.duplicates(workspace, output=tmp_path / "duplicates.csv")


def test_without_duplicates_the_table_is_empty_but_whole(
    workspace: Workspace, encoder: ProjectionEncoder, scenes: Path
) -> None:
    embed(workspace)
    report, frame = curator.duplicates(workspace)
    assert (report.groups, len(frame)) == (0, 0)
    assert list(frame.columns)[:3] == ["rank", "path", "group"]


def test_the_outlier_comes_first(
    tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder, photos: Path
) -> None:
    stripes = np.indices((8, 8)).sum(axis=0) % 2 * 255
    Image.fromarray(stripes.astype(np.uint8)).save(photos / "cat" / "stripes.png")
    embed(workspace)
    report, frame = curator.outliers(workspace, count=5, output=tmp_path / "outliers.csv")
    assert (report.listed, len(frame)) == (5, 5)
    assert frame.path[0] == "cat/stripes.png"
    assert frame.is_outlier[0]
    assert frame.outlier_score.between(0, 1).all()
    assert frame["strangeness"].is_monotonic_decreasing
    assert list(pd.read_csv(tmp_path / "outliers.csv").path) == list(frame.path)


def test_leaks_are_found_whatever_their_name_and_format(
    tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder, scenes: Path
) -> None:
    embed(workspace, labels_from_folders=True)
    test = tmp_path / "test"
    test.mkdir()
    scene(900).save(test / "new.png")
    scene(3).save(test / "near.jpg", quality=90)
    (test / "same.png").write_bytes((scenes / "dog" / "04.png").read_bytes())
    (test / "broken.png").write_bytes(b"no image")
    report, frame = curator.leakage(workspace, test, output=tmp_path / "leakage.csv")
    assert (report.images, report.exact, report.near, report.broken) == (4, 1, 1, 1)
    assert list(frame.path) == ["same.png", "near.jpg"]
    assert list(frame.workspace_path) == ["dog/04.png", "cat/03.png"]
    assert list(frame.given_label) == ["dog", "cat"]
    assert frame.reason[1] == "nearly the same image as cat/03.png"


def test_a_test_folder_among_the_images_is_compared_with_the_others(
    workspace: Workspace, encoder: ProjectionEncoder, scenes: Path
) -> None:
    scene(3).save(scenes / "eel" / "leaked.jpg", quality=90)
    embed(workspace)
    frame = curator.leakage(workspace, scenes / "eel")[1]
    assert list(frame.workspace_path) == ["cat/03.png"]
    with pytest.raises(CuratorError, match="holds all images"):
        curator.leakage(workspace, scenes)


def test_a_folder_without_images_is_refused(
    tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder
) -> None:
    embed(workspace)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CuratorError, match="there are no images in"):
        curator.leakage(workspace, tmp_path / "empty")
    with pytest.raises(CuratorError, match="there is no folder"):
        curator.leakage(workspace, tmp_path / "none")


def test_faults_are_listed_with_reasons_and_measured_once(
    tmp_path: Path,
    workspace: Workspace,
    encoder: ProjectionEncoder,
    scenes: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene(70).filter(ImageFilter.GaussianBlur(4)).save(scenes / "cat" / "blurred.png")
    scene(71).point(lambda value: value // 6).save(scenes / "cat" / "dark.png")
    scene(72).resize((512, 20)).save(scenes / "cat" / "long.png")
    scene(73).convert("CMYK").save(scenes / "cat" / "print.jpg")
    (scenes / "cat" / "cut.png").write_bytes((scenes / "dog" / "00.png").read_bytes()[:120])
    embed(workspace)
    report, frame = curator.faults(workspace, output=tmp_path / "faults.csv")
    found = frame.groupby("path").fault.agg(set).to_dict()
    assert found.pop("cat/cut.png") == {"truncated"}
    assert "dark" in found.pop("cat/dark.png")
    assert "odd_aspect" in found.pop("cat/long.png")
    assert found == {"cat/blurred.png": {"blurred"}, "cat/print.jpg": {"odd_colour"}}
    assert (report.images, report.unreadable) == (44, 1)
    assert frame.score.between(0, 1).all()
    assert frame.reason[list(frame.path).index("cat/long.png")] == "long and narrow: 512 x 20 pixels"
    monkeypatch.setattr("curator.jobs._measures.measured", None)
    pd.testing.assert_frame_equal(curator.faults(workspace)[1], frame)


def test_before_the_first_embed_each_says_what_to_run(workspace: Workspace, photos: Path) -> None:
    for verb in (curator.duplicates, curator.outliers, curator.faults):
        with pytest.raises(MissingWorkError, match="curator embed"):
            verb(workspace)
    with pytest.raises(MissingWorkError, match="curator embed"):
        curator.leakage(workspace, photos)


def test_tables_are_the_same_twice(workspace: Workspace, encoder: ProjectionEncoder, photos: Path) -> None:
    picture(0, 3).resize((9, 9)).save(photos / "cat" / "again.png")
    embed(workspace)
    for verb in (curator.duplicates, curator.outliers):
        pd.testing.assert_frame_equal(verb(workspace)[1], verb(workspace)[1])
