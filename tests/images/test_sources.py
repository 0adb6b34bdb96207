"""Images in arrays and tables are images like others, and nothing in such a file is believed unseen."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from curator.errors import CuratorError
from curator.formats import FORMATS
from curator.images import UnreadableImageError, checked_source, image_facts, read_image, scan
from curator.images.arrays import bitmap

Pixels = npt.NDArray[np.uint8]


def pixels(*shape: int) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def png(red: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (5, 4), (red, 0, 0)).save(buffer, "png")
    return buffer.getvalue()


def hugging_face(images: list[bytes | None], labels: list[int]) -> pa.Table:
    """A table as `datasets` writes them: bytes and path in a struct, class names beside the schema."""
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    rows = [{"bytes": data, "path": "/etc/passwd"} for data in images]
    info = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
    schema = pa.schema([("image", kind), ("label", pa.int64())], {"huggingface": json.dumps(info)})
    return pa.table({"image": rows, "label": labels}, schema=schema)


def parquet(table: pa.Table, file: Path) -> None:
    pq.write_table(table, file, row_group_size=2)


def arrow_stream(table: pa.Table, file: Path) -> None:
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


def arrow_file(table: pa.Table, file: Path) -> None:
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


TABLES: list[tuple[str, Callable[[pa.Table, Path], None]]] = [
    ("t.parquet", parquet),
    ("t.arrow", arrow_stream),
    ("t.arrow", arrow_file),
]


@pytest.mark.parametrize("shape", [(3, 5), (4, 6, 1), (1, 1, 3), (5, 7, 3), (2, 9)])
def test_pixels_of_an_array_come_back_through_the_reader_of_images(shape: tuple[int, ...]) -> None:
    wanted = pixels(*shape)
    with Image.open(io.BytesIO(bitmap(wanted))) as image:
        np.testing.assert_array_equal(np.asarray(image).reshape(shape), wanted)


@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_of_an_array_are_images(order: str, tmp_path: Path) -> None:
    rows = pixels(3, 4, 5, 3)
    np.save(tmp_path / "a.npy", np.asarray(rows, order=order))  # type: ignore[call-overload]
    found = list(scan(tmp_path))
    assert [each.path for each in found] == [f"a.npy/0000000{row}.bmp" for row in range(3)]
    assert {each.size for each in found} == {4 * 5 * 3}
    for row, each in enumerate(found):
        data = read_image(tmp_path / each.path)
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), rows[row])
        assert image_facts(tmp_path / each.path) == (each.size, each.mtime_ns)


def test_array_that_is_named_itself_is_listed(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", pixels(2, 4, 5))
    assert [each.path for each in scan(tmp_path / "a.npy")] == ["00000000.bmp", "00000001.bmp"]


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((3, 4)), "other_extension"),
        (np.zeros((3, 4, 5)), "other_extension"),
        (np.zeros((3, 4, 5, 7), np.uint8), "other_extension"),
        (np.zeros((3, 0, 5, 3), np.uint8), "other_extension"),
        (np.array([{}, []], dtype=object), "corrupt"),
    ],
)
def test_array_of_something_else_is_passed_over(
    array: npt.NDArray[np.generic], reason: str, tmp_path: Path
) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    assert [each.reason for each in scan(tmp_path)] == [reason]
    with pytest.raises(CuratorError, match=r"a\.npy is"):
        list(scan(tmp_path / "a.npy"))


@pytest.mark.parametrize("keep", [0, 5, 60, 100, 150])
def test_array_cut_short_says_so(keep: int, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", pixels(3, 4, 5))
    data = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(data[:keep])
    assert [each.reason for each in scan(tmp_path)] == ["corrupt" if keep else "empty"]


def test_image_of_an_array_has_a_largest_size(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", pixels(1, 100, 100))
    with pytest.raises(UnreadableImageError, match="larger than"):
        read_image(tmp_path / "a.npy" / "00000000.bmp", limit=9_999)


@pytest.mark.parametrize("name", ["00000003.bmp", "0.bmp", "../a.npy", "00000000.png"])
def test_row_that_is_not_there_is_missing(name: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", pixels(3, 4, 5))
    with pytest.raises(UnreadableImageError):
        read_image(tmp_path / "a.npy" / name)


@pytest.mark.parametrize(("name", "write"), TABLES)
def test_rows_of_a_table_are_images(
    name: str, write: Callable[[pa.Table, Path], None], tmp_path: Path
) -> None:
    write(hugging_face([png(1), png(2), png(3)], [0, 1, -1]), tmp_path / name)
    found = list(scan(tmp_path))
    assert [each.path for each in found] == [f"{name}/0000000{row}.png" for row in range(3)]
    assert [read_image(tmp_path / each.path) for each in found] == [png(1), png(2), png(3)]
    read = FORMATS["hugging-face"].read
    assert read is not None
    wanted = {f"{name}/00000000.png": "cat", f"{name}/00000001.png": "dog"}
    assert {each.path: each.label for each in read(tmp_path)} == wanted
    assert {each.path: each.label for each in read(tmp_path / name)} == wanted


def test_plain_columns_of_bytes_are_images(tmp_path: Path) -> None:
    table = pa.table({"key": [b"x", b"y"], "jpg": [png(1), png(2)], "label": ["a", "b"]})
    pq.write_table(table, tmp_path / "t.parquet")
    assert [read_image(tmp_path / each.path) for each in scan(tmp_path)] == [png(1), png(2)]


@pytest.mark.parametrize(("name", "write"), TABLES)
def test_row_without_bytes_breaks_itself_alone(
    name: str, write: Callable[[pa.Table, Path], None], tmp_path: Path
) -> None:
    write(hugging_face([None, b"no image", png(3)], [0, 0, 0]), tmp_path / name)
    first, second, third = (tmp_path / each.path for each in scan(tmp_path))
    with pytest.raises(UnreadableImageError, match="a path in its place is not opened"):
        read_image(first)
    assert [read_image(second), read_image(third)] == [b"no image", png(3)]
    with pytest.raises(UnreadableImageError, match="larger than"):
        read_image(third, limit=10)


@pytest.mark.parametrize(("name", "write"), TABLES)
def test_table_without_images_is_passed_over(
    name: str, write: Callable[[pa.Table, Path], None], tmp_path: Path
) -> None:
    write(pa.table({"path": ["a.png"], "label": ["cat"], "hash": [b"123"]}), tmp_path / name)
    assert [each.reason for each in scan(tmp_path)] == ["other_extension"]


def damaged(data: bytes) -> Iterator[bytes]:
    """The file cut at many places, and with bytes turned over, at the ends above all."""
    rng = np.random.default_rng(0)
    for keep in np.linspace(1, len(data) - 1, 20).astype(int):
        yield data[:keep]
    for spot in [*range(0, 200, 7), *range(len(data) - 200, len(data), 7), *rng.integers(0, len(data), 200)]:
        changed = bytearray(data)
        changed[spot] ^= 0xFF
        yield bytes(changed)


@pytest.mark.parametrize(("name", "write"), TABLES)
def test_damaged_table_is_an_error_of_ours(
    name: str, write: Callable[[pa.Table, Path], None], tmp_path: Path
) -> None:
    write(hugging_face([png(row) for row in range(5)], [0] * 5), tmp_path / name)
    refused = 0
    for number, data in enumerate(damaged((tmp_path / name).read_bytes())):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / name).write_bytes(data)
        for each in scan(folder):
            refused += each.reason is not None
            if each.reason is None:
                try:
                    read_image(folder / each.path)
                except UnreadableImageError:
                    refused += 1
    assert refused > 20


def test_row_group_of_any_size_is_not_taken_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curator.images.columnar._BLOCK_LIMIT", 10_000)
    images = [png(1), b"\x89PNG" + bytes(20_000)]
    pq.write_table(hugging_face([*images], [0, 0]), tmp_path / "t.parquet", compression="none")
    with pytest.raises(UnreadableImageError, match="row_group_size"):
        read_image(tmp_path / "t.parquet" / "00000000.png")


def test_compressed_arrow_is_refused(tmp_path: Path) -> None:
    table = pa.table({"image": [png(1) + bytes(3_000_000)]})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with (
        pa.OSFile(str(tmp_path / "t.arrow"), "wb") as sink,
        pa.ipc.new_stream(sink, table.schema, options=options) as writer,
    ):
        writer.write_table(table)
    assert [(each.reason, "Parquet" in each.message) for each in scan(tmp_path)] == [
        ("unsupported_format", True)
    ]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("nowhere", "there is no folder nowhere"),
        ("text.txt", "is a file: name a folder"),
        ("ftp://host/photos", "not of a kind that is read"),
        ("file:///etc", "not of a kind that is read"),
        ("simplecache::s3://bucket/photos", "not of a kind that is read"),
        ("https://ann:secret@host/photos", "holds a user or password"),
    ],
)
def test_what_is_no_source_is_refused(
    given: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("x")
    with pytest.raises(CuratorError, match=complaint) as raised:
        checked_source(given)
    assert "secret" not in str(raised.value)
