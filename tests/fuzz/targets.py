"""What reads bytes from strangers: a target takes any bytes, and lets only those errors out that are bugs."""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from curator.encoders._checkpoint_files import read_checkpoint
from curator.errors import CuratorError
from curator.images import UnreadableImageError, decode_image
from curator.tables import read_label_lines
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


def _labels(data: bytes) -> None:
    with suppress(CuratorError):
        for line in _from_file(data, "labels.csv", read_label_lines):
            if not line.path or "\n" in line.label:
                raise AssertionError(f"a line that cannot be: {line}")


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
TARGETS = {
    "image": Target(_image, [photo(fmt, 24, 18) for fmt in FORMATS]),
    "labels": Target(
        _labels, ['path,label,annotator,id\n\'=1.png,"a\nb",ann,\nü.png,cat,,0\n'.encode(), b"a;b\n"]
    ),
    "weights": Target(_weights, [b"PK\x03\x04", b"\x80\x02}q\x00.", b'\x10\0\0\0\0\0\0\0{"a":{}}        ']),
    "manifest": Target(_manifest, [b'{"kind": "graph", "files": {}, "sha256": ""}', b"[]"]),
    "graph": Target(_graph, [_NPY, b"PK\x03\x04", b"\x80\x02}q\x00."]),
}
