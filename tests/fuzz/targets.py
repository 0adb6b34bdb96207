"""What reads bytes from strangers: a target takes any bytes, and lets only those errors out that are bugs."""

import io
import os
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curator import formats
from curator.encoders._checkpoint_files import read_checkpoint
from curator.errors import CuratorError
from curator.images import UnreadableImageError, decode_image, read_image
from curator.images.containers import container_kind
from curator.review.security import parsed
from curator_cli import main
from curator_cli._configuration import read as read_settings
from curator_indexes import DamagedFileError, KnnGraph
from curator_indexes.artifacts import read_artifact, write_artifact
from curator_indexes.errors import VectorError
from tests.images.image_files import FORMATS, photo

Result = TypeVar("Result")
SIDE = 8


@dataclass(frozen=True)
class Target:
    """A reader, and whole files to begin with."""

    read: Callable[[bytes], None]
    seeds: Sequence[bytes]


def _image(data: bytes) -> None:
    with suppress(UnreadableImageError):
        pixels = decode_image(data, SIDE, pixel_limit=1 << 20).pixels
        if pixels.shape != (SIDE, SIDE, 3):
            raise AssertionError(f"decoded to {pixels.shape}")


def _weights(data: bytes) -> None:
    with suppress(CuratorError):
        _from_file(data, "weights.pth", read_checkpoint)


def _manifest(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, suppress(DamagedFileError):
        (Path(folder) / "manifest.json").write_bytes(data)
        read_artifact(Path(folder), "graph")


def _graph(data: bytes) -> None:
    """A graph file under a checksum that fits: written by a stranger, not decayed."""

    def write(path: Path) -> None:
        path.write_bytes(data)

    with tempfile.TemporaryDirectory() as folder, suppress(VectorError):
        contents = {"neighbors.npy": write, "similarities.npy": write}
        write_artifact(Path(folder), KnnGraph.KIND, {}, contents, facts={"recall": 1.0, "method": "exact"})
        KnnGraph.load(folder)


def _import(name: str, *file_names: str) -> Callable[[bytes], None]:
    """What reads labels from another tool's file, under each of these names."""

    def read(data: bytes) -> None:
        for file_name in file_names:
            _from_file(data, file_name, partial(_check_labels, name))

    return read


def _check_labels(name: str, source: Path) -> None:
    """Every line that a format reads could go into the log."""
    reader = formats.FORMATS[name].read
    assert reader is not None
    with suppress(CuratorError):
        for line in reader(source):
            if not line.path or not line.label or "\n" in line.label:
                raise AssertionError(f"a line that cannot be: {line}")
            "".join((line.path, line.label, line.annotator, line.content_hash)).encode()


def _class_folders(data: bytes) -> None:
    """Files named by the lines, where the system takes such a name."""
    with tempfile.TemporaryDirectory() as folder:
        for name in data.split(b"\n")[:8]:
            with suppress(OSError, ValueError):
                path = Path(folder, os.fsdecode(name.lstrip(b"/")))
                if path.resolve().is_relative_to(Path(folder).resolve()):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.touch()
        _check_labels("image-folder", Path(folder))


def _container(file_name: str) -> Callable[[bytes], None]:
    """What reads images out of a file that holds many: each of the first is decoded."""

    def read(data: bytes) -> None:
        with suppress(CuratorError, UnreadableImageError):
            _from_file(data, file_name, _decode_some)

    return read


def _decode_some(file: Path) -> None:
    kind = container_kind(file)
    for entry in islice(kind.entries(file) if kind else (), 3):
        with suppress(UnreadableImageError):
            decode_image(read_image(file / entry.name), SIDE, pixel_limit=1 << 20)


def _body(data: bytes) -> None:
    """What the review page's server is sent."""
    with suppress(ValueError):
        parsed(data)


def _settings(data: bytes) -> None:
    with suppress(click.ClickException):
        _from_file(data, "curator.toml", partial(read_settings, context=click.Context(main)))


def _tar(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _table(suffix: str) -> bytes:
    buffer = io.BytesIO()
    table = pa.table({"image": [photo("png", 6, 5)] * 2, "label": ["a", "b"], "path": ["1.png", "2.png"]})
    if suffix == ".parquet":
        pq.write_table(table, buffer)
    else:
        with pa.ipc.new_file(buffer, table.schema) as writer:
            writer.write_table(table)
    return buffer.getvalue()


def _array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((2, 4, 5, 3), np.uint8))
    return buffer.getvalue()


def _from_file(data: bytes, name: str, read: Callable[[Path], Result]) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        return read(path)


_NPY = (
    b"\x93NUMPY\x01\x00v\x00{'descr': '<i4', 'fortran_order': False, 'shape': (2, 1), }".ljust(127)
    + b"\n"
    + bytes(8)
)
LABELS = {
    "csv": Target(
        _import("csv", "labels.csv"),
        ['path,label,annotator,id\n\'=1.png,"a\nb",ann,\nü.png,cat,,0\n'.encode(), b"a;b\n"],
    ),
    "parquet": Target(_import("parquet", "labels.parquet"), [_table(".parquet")]),
    "jsonl": Target(
        _import("jsonl", "labels.jsonl"), [b'{"path": "a.png", "label": "cat"}\n{"path": "b"}\n']
    ),
    "coco": Target(
        _import("coco", "labels.json"),
        [
            b'{"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 2, "name": "cat"}], '
            b'"annotations": [{"id": 1, "image_id": 1, "category_id": 2}]}'
        ],
    ),
    "label-studio": Target(
        _import("label-studio", "labels.json"),
        [
            b'[{"data": {"image": "/data/local-files/?d=a.png"}, "annotations": [{"result": [{"type": '
            b'"choices", "value": {"choices": ["cat"]}}], "completed_by": {"email": "a@b"}}]}]',
            b'[{"image": "a.png", "choice": "cat", "id": 3}]',
        ],
    ),
    "cvat": Target(
        _import("cvat", "labels.xml"),
        [
            b'<?xml version="1.0" encoding="utf-8"?>\n'
            b'<annotations><image id="0" name="a.png"><tag label="cat"/></image></annotations>'
        ],
    ),
    "hugging-face": Target(
        _import("hugging-face", "metadata.csv", "metadata.jsonl", "metadata.parquet", "0.parquet", "0.arrow"),
        [
            b"file_name,label\na.png,cat\n",
            b'{"file_name": "a.png", "label": 0}\n',
            _table(".parquet"),
            _table(".arrow"),
        ],
    ),
    "fiftyone-labels": Target(
        _import("fiftyone-labels", "labels.json"),
        [b'{"classes": ["cat"], "labels": {"a": 0, "x/b": {"label": "cat"}, "c": null}}'],
    ),
    "fiftyone": Target(
        _import("fiftyone", "samples.json"),
        [
            b'{"samples": [{"filepath": "data/a.png", "ground_truth": {"label": "cat"}}, '
            b'{"filepath": "data/b.png", "ground_truth": {"detections": [{"label": "cat"}]}}]}'
        ],
    ),
    "image-folder": Target(_class_folders, [b"cat/1.png\na%2Fb/x/2.jpg\n%20/3.png\n", b"\xff/\xff.png"]),
    "webdataset": Target(
        _import("webdataset", "shard.tar"), [_tar("a.cls", b"3"), _tar("a.json", b'{"label": 1}')]
    ),
}
TARGETS = {
    **LABELS,
    "image": Target(_image, [photo(fmt, 24, 18) for fmt in FORMATS]),
    "images.tar": Target(_container("images.tar"), [_tar("a/1.png", photo("png", 6, 5))]),
    "images.npy": Target(_container("images.npy"), [_array()]),
    "images.parquet": Target(_container("images.parquet"), [_table(".parquet")]),
    "images.arrow": Target(_container("images.arrow"), [_table(".arrow")]),
    "weights": Target(_weights, [b"PK\x03\x04", b"\x80\x02}q\x00.", b'\x10\0\0\0\0\0\0\0{"a":{}}        ']),
    "manifest": Target(_manifest, [b'{"kind": "graph", "files": {}, "sha256": ""}', b"[]"]),
    "graph": Target(_graph, [_NPY, b"PK\x03\x04", b"\x80\x02}q\x00."]),
    "body": Target(_body, [b'{"ids": [1, 2], "label": "cat", "client": "c", "action": "a"}', b"[[[[]]]]"]),
    "settings": Target(_settings, [b'workspace = "w"\n[query]\nbudget = 5\nstrategy = "auto"\n']),
}
