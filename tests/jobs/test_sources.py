"""Images out of arrays, tables, archives and from the network through the verbs, as out of a folder."""

import http.server
import io
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from curator.errors import CuratorError
from curator.jobs._artifacts import load_embeddings
from curator.jobs._thumbnails import thumbnail
from curator.jobs.audit import audit
from curator.jobs.doctor import doctor
from curator.jobs.embed import embed
from curator.jobs.export import export
from curator.jobs.faults import faults
from curator.jobs.import_from import import_from
from curator.jobs.labels import import_labels
from curator.jobs.leakage import leakage
from curator.jobs.pack import pack
from curator.jobs.propagate import propagate
from curator.store import Workspace

from .conftest import ProjectionEncoder, picture

COUNT = 24


@pytest.fixture
def pixels() -> npt.NDArray[np.uint8]:
    """24 pictures of three kinds, uint8 [24, 8, 8, 3]."""
    return np.stack([np.asarray(picture(row % 3, row)) for row in range(COUNT)])


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


def source_of(kind: str, folder: Path, pixels: npt.NDArray[np.uint8]) -> Path:
    """The pictures in a file of one kind."""
    file = folder / f"pictures{kind}"
    table = pa.table(
        {"image": [png(each) for each in pixels], "label": [str(row % 3) for row in range(COUNT)]}
    )
    if kind == ".npy":
        np.save(file, pixels)
    elif kind == ".tar":
        pack(pixels, file)
    elif kind == ".parquet":
        pq.write_table(table, file, row_group_size=5)
    else:
        with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return file


@pytest.mark.parametrize("kind", [".npy", ".tar", ".parquet", ".arrow"])
def test_every_verb_works_on_images_in_a_file(
    kind: str, tmp_path: Path, encoder: ProjectionEncoder, pixels: npt.NDArray[np.uint8]
) -> None:
    workspace = Workspace.create(tmp_path / "w", source_of(kind, tmp_path, pixels))
    assert embed(workspace).images == COUNT
    assert embed(workspace).embedded == 0
    images = list(workspace.catalog.ready())
    rows = "".join(f"{image.path},{number % 3}\n" for number, image in enumerate(images))
    (tmp_path / "labels.csv").write_text(f"path,label\n{rows}")
    assert import_labels(workspace, tmp_path / "labels.csv").images == COUNT
    assert propagate(workspace)[0].images == COUNT
    assert audit(workspace)[0].labels == COUNT
    assert faults(workspace)[0].images == COUNT
    twin = shutil.copy(workspace.images, tmp_path / f"twin{kind}")
    assert leakage(workspace, Path(twin))[0].exact == COUNT
    assert thumbnail(workspace, images[3], 64).startswith(b"\xff\xd8")
    assert not [
        each
        for each in doctor(workspace.folder, contents=True).findings
        if each.check in ("images", "contents")
    ]
    export(workspace, tmp_path / "out.tar", "webdataset")
    assert import_from(workspace, tmp_path / "out.tar", "webdataset").unchanged == COUNT


def test_the_same_pixels_have_the_same_vectors_wherever_they_lie(
    tmp_path: Path, encoder: ProjectionEncoder, pixels: npt.NDArray[np.uint8]
) -> None:
    vectors = []
    for kind in (".npy", ".tar", ".parquet", ".arrow"):
        workspace = Workspace.create(tmp_path / f"w{kind}", source_of(kind, tmp_path, pixels))
        embed(workspace)
        vectors.append(load_embeddings(workspace).array("embeddings"))
    for each in vectors[1:]:
        np.testing.assert_array_equal(each, vectors[0])


def test_rows_that_are_added_to_an_array_are_read_alone(
    tmp_path: Path, encoder: ProjectionEncoder, pixels: npt.NDArray[np.uint8]
) -> None:
    file = tmp_path / "a.npy"
    np.save(file, pixels[:20])
    workspace = Workspace.create(tmp_path / "w", file)
    assert embed(workspace).embedded == 20
    np.save(file, pixels)
    assert (embed(workspace).embedded, encoder.images) == (4, 24)
    np.save(file, pixels[:10])
    changed = [each for each in doctor(workspace.folder).findings if each.check == "images"]
    assert "14 images are gone" in " ".join(each.what for each in changed)


def test_labels_of_a_table_come_with_it(
    tmp_path: Path, encoder: ProjectionEncoder, pixels: npt.NDArray[np.uint8]
) -> None:
    file = source_of(".parquet", tmp_path, pixels)
    workspace = Workspace.create(tmp_path / "w", file)
    embed(workspace)
    report = import_from(workspace, file, "hugging-face")
    assert (report.images, report.classes) == (COUNT, 3)


@pytest.fixture
def bucket(pixels: npt.NDArray[np.uint8]) -> Iterator[str]:
    """A store in memory, with the pictures in folders of their kind."""
    store = fsspec.filesystem("memory")
    for row, each in enumerate(pixels):
        store.pipe(f"/bucket/{'abc'[row % 3]}/{row:02}.png", png(each))
    yield "memory://bucket"
    store.rm("/bucket", recursive=True)


def test_store_on_the_network_is_a_folder(bucket: str, tmp_path: Path, encoder: ProjectionEncoder) -> None:
    workspace = Workspace.create(tmp_path / "w", bucket)
    report = embed(workspace, labels_from_folders=True)
    assert (report.images, report.labelled) == (COUNT, COUNT)
    assert workspace.embed_command == f"curator embed memory://bucket -w {tmp_path / 'w'}"
    store = fsspec.filesystem("memory")
    store.pipe("/bucket/a/00.png", png(np.full((8, 8, 3), 9, np.uint8)))
    store.rm("/bucket/b/01.png")
    report = embed(Workspace.open(tmp_path / "w"))
    assert (report.images, report.embedded, report.gone) == (COUNT - 1, 1, 1)


def test_unreadable_object_stops_nothing(bucket: str, tmp_path: Path, encoder: ProjectionEncoder) -> None:
    fsspec.filesystem("memory").pipe("/bucket/c/broken.png", b"<html>not here</html>")
    report = embed(Workspace.create(tmp_path / "w", bucket))
    assert (report.images, report.broken) == (COUNT, 1)
    assert "a web page" in Path(str(report.broken_list)).read_text()


def test_interrupted_run_goes_on_without_fetching_again(
    bucket: str, tmp_path: Path, encoder: ProjectionEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace.create(tmp_path / "w", bucket)
    encoder.fail_after = 2
    with pytest.raises(KeyboardInterrupt):
        embed(workspace)
    encoder.fail_after = None
    fetched: list[str] = []
    store = type(fsspec.filesystem("memory"))
    opened = store.open

    def counted(self: Any, path: str, *rest: Any, **more: Any) -> Any:
        fetched.append(path)
        return opened(self, path, *rest, **more)

    monkeypatch.setattr(store, "open", counted)
    assert embed(workspace).images == COUNT
    assert len(fetched) == len(set(fetched)) < COUNT
    fetched.clear()
    assert propagate_of(workspace) == COUNT
    assert faults(workspace)[0].images == COUNT
    assert not fetched


def propagate_of(workspace: Workspace) -> int:
    file = workspace.folder.parent / "label.csv"
    file.write_text("path,label\nmemory://bucket/a/00.png,x\nb/01.png,y\n")
    import_labels(workspace, file)
    return propagate(workspace)[0].images


def test_store_that_is_gone_loses_nothing(bucket: str, tmp_path: Path, encoder: ProjectionEncoder) -> None:
    workspace = Workspace.create(tmp_path / "w", bucket)
    embed(workspace)
    store = fsspec.filesystem("memory")
    kept = {path: store.cat(path) for path in store.find("/bucket")}
    store.rm("/bucket", recursive=True)
    try:
        with pytest.raises(CuratorError, match="no images in memory://bucket"):
            embed(workspace)
        assert workspace.catalog.counts() == {"ready": COUNT}
    finally:
        for path, data in kept.items():
            store.pipe(path, data)


def test_list_of_addresses_and_a_server(
    tmp_path: Path, encoder: ProjectionEncoder, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = partial(Quiet, directory=str(photos))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        host = f"http://127.0.0.1:{server.server_address[1]}"
        lines = [f"{host}/{path.relative_to(photos).as_posix()}" for path in sorted(photos.rglob("*.png"))]
        (tmp_path / "list.urls").write_text("\n".join([*lines, f"{host}/gone.png"]))
        listed = embed(Workspace.create(tmp_path / "w1", tmp_path / "list.urls"))
        walked = embed(Workspace.create(tmp_path / "w2", host), labels_from_folders=True)
        server.shutdown()
        thread.join()
    assert (listed.images, listed.broken) == (60, 1)
    assert (walked.images, walked.labelled) == (60, 60)
    assert Workspace.place_for(host) == Path(".curator")
    with pytest.raises(CuratorError, match=f"is for the images in {host}"):
        Workspace.create(tmp_path / "w2", photos)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""
