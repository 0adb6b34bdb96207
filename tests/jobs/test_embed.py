"""Embedding a folder: only what is new, each content once, the same bytes after an interruption."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from sqlalchemy import func, select

from curator.errors import CuratorError
from curator.jobs._artifacts import load_embeddings
from curator.jobs.embed import embed
from curator.jobs.state import load_state
from curator.store import Workspace
from curator.store.schema import vector
from curator_indexes.artifacts import read_artifact

from .conftest import ProjectionEncoder, picture

Make = Callable[[str], Workspace]


def rows_by_path(workspace: Workspace) -> dict[str, npt.NDArray[np.float16]]:
    artifact = load_embeddings(workspace)
    images = workspace.catalog.by_ids(artifact.array("image_ids").tolist())
    return {image.path: row for image, row in zip(images, artifact.array("embeddings"), strict=True)}


def rows_by_path_after(
    workspace: Workspace, *, follow_symlinks: bool = False
) -> dict[str, npt.NDArray[np.float16]]:
    embed(workspace, follow_symlinks=follow_symlinks)
    return rows_by_path(workspace)


def stored_bytes(workspace: Workspace) -> dict[str, bytes]:
    """Content of every array of the workspace, by name."""
    arrays = (workspace.folder / "encoders").rglob("*.npy")
    return {path.name: path.read_bytes() for path in arrays}


def test_rows_are_in_path_order_and_what_the_encoder_gives(
    workspace: Workspace, encoder: ProjectionEncoder, photos: Path
) -> None:
    report = embed(workspace)
    assert (report.images, report.embedded, report.reused, report.broken) == (60, 60, 0, 0)
    rows = rows_by_path(workspace)
    paths = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    assert list(rows) == paths
    pixels = np.stack([np.asarray(Image.open(photos / path)) for path in paths])
    assert np.array_equal(np.stack(list(rows.values())), encoder.encode(pixels).astype(np.float16))
    assert load_state(workspace).graph.neighbors.shape == (60, 50)


def test_second_run_does_nothing_again(workspace: Workspace, encoder: ProjectionEncoder) -> None:
    embed(workspace)
    before, calls = stored_bytes(workspace), encoder.calls
    report = embed(workspace)
    assert (report.embedded, report.reused) == (0, 60)
    assert encoder.calls == calls
    assert stored_bytes(workspace) == before


def test_links_out_of_the_folder_are_read_on_demand(
    tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder, photos: Path
) -> None:
    picture(0, 99).save(tmp_path / "far.png")
    (photos / "dog" / "far.png").symlink_to(tmp_path / "far.png")
    assert "dog/far.png" not in rows_by_path_after(workspace)
    assert "dog/far.png" in rows_by_path_after(workspace, follow_symlinks=True)


def test_changed_folder_embeds_only_what_is_new_and_drops_what_is_gone(
    workspace: Workspace, encoder: ProjectionEncoder, photos: Path
) -> None:
    embed(workspace)
    encoder.images = 0
    (photos / "cat" / "00.png").unlink()
    (photos / "dog" / "00.png").rename(photos / "renamed.png")
    picture(1, 99).save(photos / "dog" / "01.png")
    picture(2, 99).save(photos / "new.png")
    report = embed(workspace)
    assert encoder.images == report.embedded == 2
    rows = rows_by_path(workspace)
    assert len(rows) == 60
    assert "cat/00.png" not in rows
    assert {"new.png", "renamed.png"} <= set(rows)


def test_same_content_under_two_names_is_two_images_and_one_vector(
    workspace: Workspace, encoder: ProjectionEncoder, photos: Path
) -> None:
    shutil.copy(photos / "cat" / "00.png", photos / "cat" / "00_copy.png")
    shutil.copy(photos / "cat" / "00.png", photos / "zebra.png")
    report = embed(workspace)
    assert (report.images, encoder.images) == (62, 60)
    rows = rows_by_path(workspace)
    assert np.array_equal(rows["cat/00.png"], rows["zebra.png"])


@pytest.mark.parametrize("fail_after", [0, 1, 4, 7])
def test_interrupted_run_goes_on_to_the_same_bytes(
    make_workspace: Make, encoder: ProjectionEncoder, photos: Path, fail_after: int
) -> None:
    (photos / "cat" / "broken.png").write_bytes(b"not an image")
    undisturbed, interrupted = make_workspace("a"), make_workspace("b")
    embed(undisturbed)
    encoder.calls, encoder.images, encoder.fail_after = 0, 0, fail_after
    with pytest.raises(KeyboardInterrupt):
        embed(interrupted)
    with interrupted.database.reading() as connection:
        committed = connection.execute(select(func.count()).select_from(vector)).scalar_one()
    encoder.fail_after = None
    report = embed(interrupted)
    assert report.embedded == 60 - committed
    assert stored_bytes(interrupted) == stored_bytes(undisturbed)


def test_unreadable_files_are_listed_with_the_reason_and_skipped(
    workspace: Workspace, encoder: ProjectionEncoder, photos: Path
) -> None:
    whole = (photos / "cat" / "00.png").read_bytes()
    bad = {"empty.png": b"", "text.jpg": b"hello", "half.png": whole[: len(whole) // 2], "=1+1.png": b"x"}
    for name, content in bad.items():
        (photos / name).write_bytes(content)
    (photos / "notes.txt").write_text("not counted as broken")
    report = embed(workspace)
    assert (report.images, report.broken, report.ignored) == (60, 4, 1)
    assert report.broken_list is not None
    listed = Path(report.broken_list).read_text().splitlines()
    assert listed[0] == "path,reason,message"
    assert {line.split(",")[0] for line in listed[1:]} == {"empty.png", "text.jpg", "half.png", "'=1+1.png"}
    for name in bad:
        (photos / name).unlink()
    assert embed(workspace).broken_list is None
    assert not Path(report.broken_list).exists()


def test_other_encoder_has_its_own_vectors_and_the_first_is_not_read_again(
    workspace: Workspace, encoder: ProjectionEncoder
) -> None:
    embed(workspace)
    encoder.dim = 5
    embed(workspace)
    assert next(iter(rows_by_path(workspace).values())).shape == (5,)
    encoder.dim, encoder.calls = 16, 0
    assert embed(workspace).embedded == 0
    assert encoder.calls == 0
    assert next(iter(rows_by_path(workspace).values())).shape == (16,)


@pytest.mark.parametrize("kind", ["embeddings", "graph", "index"])
def test_damaged_array_is_made_again_to_the_same_bytes(
    workspace: Workspace, encoder: ProjectionEncoder, kind: str
) -> None:
    embed(workspace)
    assert workspace.encoder is not None
    folder = workspace.encoder_folder(workspace.encoder) / kind
    files = {
        name: read_artifact(folder, kind).path(name) for name in read_artifact(folder, kind).manifest.files
    }
    before = {name: path.read_bytes() for name, path in files.items()}
    for path in files.values():
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    calls = encoder.calls
    embed(workspace)
    again = read_artifact(folder, kind)
    assert {name: again.path(name).read_bytes() for name in again.manifest.files} == before
    assert encoder.calls == calls


def test_damaged_vectors_are_embedded_again(workspace: Workspace, encoder: ProjectionEncoder) -> None:
    embed(workspace)
    before = stored_bytes(workspace)
    (vectors,) = (workspace.folder / "encoders").rglob("vectors.f16")
    content = bytearray(vectors.read_bytes())
    content[0] ^= 1
    vectors.write_bytes(content)
    assert embed(workspace).embedded == encoder.batch_size
    assert stored_bytes(workspace) == before


def test_folder_without_images_is_an_error_that_says_so(tmp_path: Path, encoder: ProjectionEncoder) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CuratorError, match=r"no images in .*empty \(no file\)"):
        embed(Workspace.create(tmp_path / "w1", tmp_path / "empty"))
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("x")
    with pytest.raises(CuratorError, match="1 file"):
        embed(Workspace.create(tmp_path / "w2", tmp_path / "text"))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.jpg").write_text("x")
    with pytest.raises(CuratorError, match=r"none of the images .* could be read: see .*broken\.csv"):
        embed(Workspace.create(tmp_path / "w3", tmp_path / "bad"))
    with pytest.raises(CuratorError, match="there is no folder"):
        Workspace.create(tmp_path / "w4", tmp_path / "missing")
    with pytest.raises(CuratorError, match="is a file"):
        embed(Workspace.create(tmp_path / "w5", tmp_path / "text" / "a.txt"))


def test_a_wrong_first_folder_does_not_stick(
    tmp_path: Path, encoder: ProjectionEncoder, photos: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CuratorError, match="there are no images"):
        embed(Workspace.create(tmp_path / "w", tmp_path / "empty"))
    assert embed(Workspace.create(tmp_path / "w", photos)).images == 60


def test_workspace_belongs_to_one_folder(
    tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder
) -> None:
    embed(workspace)
    (tmp_path / "other").mkdir()
    with pytest.raises(CuratorError, match=r"is for the images in .*photos"):
        Workspace.create(workspace.folder, tmp_path / "other")


def test_workspace_and_images_can_move_together(
    tmp_path: Path, workspace: Workspace, encoder: ProjectionEncoder
) -> None:
    embed(workspace)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.move(tmp_path / "photos", moved / "photos")
    shutil.move(workspace.folder, moved / ".curator")
    again = Workspace.open(moved / ".curator")
    assert again.images == (moved / "photos").resolve()
    assert embed(again).embedded == 0


def test_image_folder_is_never_written_to(
    workspace: Workspace, encoder: ProjectionEncoder, photos: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in [photos, *photos.rglob("*")]}
    embed(workspace, labels_from_folders=True)
    assert {path: path.stat().st_mtime_ns for path in [photos, *photos.rglob("*")]} == before


def test_one_image_is_enough(tmp_path: Path, encoder: ProjectionEncoder) -> None:
    (tmp_path / "one").mkdir()
    picture(0, 0).save(tmp_path / "one" / "a.png")
    workspace = Workspace.create(tmp_path / "w", tmp_path / "one")
    assert embed(workspace).images == 1
    assert load_state(workspace).graph.neighbors.shape == (1, 0)
