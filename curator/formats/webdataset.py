"""WebDataset: tar shards in which the files of a sample share a name up to the first dot."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from curator.errors import CuratorError
from curator.formats._reading import field, label_lines, line, parse_json
from curator.formats.dataset import Dataset, Format, Options
from curator.images import IMAGE_EXTENSIONS, UnreadableImageError, read_image
from curator.images.archives import members, read_member
from curator.tables import LABEL_COLUMNS, LabelLine
from curator_indexes.files import atomic_path

_LONGEST = 2**20  # bytes of a class or of the JSON that holds it


def read(source: Path) -> list[LabelLine]:
    """The class of each image in a shard or a folder of shards: the label in its `.json`, or its `.cls`."""
    shards = sorted(source.glob("**/*.tar")) if source.is_dir() else [source]
    if not shards:
        raise CuratorError(f"there is no .tar in {source}")
    found = (sample for shard in shards for sample in _samples(shard))

    def parse(number: int, sample: tuple[Path, str, dict[str, str]]) -> list[LabelLine]:
        shard, key, files = sample
        images = [name for name in files.values() if PurePosixPath(name).suffix.lower() in IMAGE_EXTENSIONS]
        label, content_hash = _said(shard, files)
        if label is None or not images:
            return []
        if len(images) > 1:
            raise ValueError(f"{key!r} has {len(images)} images: wanted one")
        inside = shard.relative_to(source).as_posix() if source.is_dir() else shard.name
        return [line(number, f"{inside}/{images[0]}", label, content_hash=content_hash)]

    return label_lines(source, found, parse, "sample")


def _samples(shard: Path) -> Iterator[tuple[Path, str, dict[str, str]]]:
    """The samples of a shard: key, and the names of its files by extension."""
    samples: dict[str, dict[str, str]] = {}
    try:
        names = members(shard)
    except UnreadableImageError as error:
        raise CuratorError(f"nothing was imported from {shard}: it {error.message}") from error
    for name in names:
        folder, _, base = name.rpartition("/")
        stem, _, extension = base.partition(".")
        samples.setdefault(f"{folder}/{stem}", {})[extension.lower()] = name
    yield from ((shard, key.lstrip("/"), files) for key, files in samples.items())


def _said(shard: Path, files: dict[str, str]) -> tuple[str | int | None, str]:
    """The label of a sample, and the content hash of its image where that is said, too."""
    described = None
    if "json" in files:
        described = parse_json(read_member(shard, files["json"], _LONGEST), f"{shard}/{files['json']}")
    if isinstance(described, dict) and (named := [name for name in LABEL_COLUMNS if name in described]):
        found: str | int = field(described, named[0], (str, int))
        return found, str(described.get("id") or "")
    if "cls" in files:
        return read_member(shard, files["cls"], _LONGEST).decode("utf-8").strip(), ""
    return None, ""


def write(out: Path, dataset: Dataset, _options: Options) -> None:
    """A shard with a copy of each image, its class by number and, with its path, by name."""
    code = {name: number for number, name in enumerate(dataset.classes)}
    with new_shard(out) as add:
        for number, record in enumerate(dataset.records):
            try:
                data = read_image(dataset.images / record.path)
            except UnreadableImageError as error:
                raise CuratorError(f"{record.path} {error.message}: run `curator embed`") from error
            facts = {"path": record.path, "id": record.content_hash}
            described = {**facts, "label": record.label} if record.label else facts
            add(number, PurePosixPath(record.path).suffix.lower(), data)
            add(number, ".json", json.dumps(described, ensure_ascii=False).encode())
            if record.label:
                add(number, ".cls", str(code[record.label]).encode())


@contextmanager
def new_shard(out: Path) -> Iterator[Callable[[int, str, bytes], None]]:
    """Write a shard, all of it or nothing: yields what adds a file, by extension, to a numbered sample."""
    with atomic_path(out) as temporary, tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as opened:

        def add(number: int, extension: str, data: bytes) -> None:
            member = tarfile.TarInfo(f"{number:08}{extension}")  # no time, no owner: the same bytes again
            member.size = len(data)
            opened.addfile(member, io.BytesIO(data))

        yield add


FORMAT = Format("webdataset", "WebDataset tar shards.", read, write, entry="sample")
