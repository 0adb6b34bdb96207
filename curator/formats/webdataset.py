"""WebDataset: tar shards in which the files of a sample share a name up to the first dot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from curator.errors import CuratorError
from curator.formats._reading import field, label_lines, line, parse_json
from curator.formats.dataset import Format
from curator.images import IMAGE_EXTENSIONS, UnreadableImageError
from curator.images.archives import members, read_member
from curator.tables import LABEL_COLUMNS, LabelLine

_LONGEST = 2**20  # bytes of a class or of the JSON that holds it


def read(source: Path) -> list[LabelLine]:
    """The class of each image in a shard or a folder of shards: its `.cls`, or the label in its `.json`."""
    shards = sorted(source.glob("**/*.tar")) if source.is_dir() else [source]
    if not shards:
        raise CuratorError(f"there is no .tar in {source}")
    found = (sample for shard in shards for sample in _samples(shard))

    def parse(number: int, sample: tuple[Path, str, dict[str, str]]) -> list[LabelLine]:
        shard, key, files = sample
        images = [name for name in files.values() if PurePosixPath(name).suffix.lower() in IMAGE_EXTENSIONS]
        label = _label(shard, files)
        if label is None or not images:
            return []
        if len(images) > 1:
            raise ValueError(f"{key!r} has {len(images)} images: wanted one")
        inside = shard.relative_to(source).as_posix() if source.is_dir() else shard.name
        return [line(number, f"{inside}/{images[0]}", label)]

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


def _label(shard: Path, files: dict[str, str]) -> str | int | None:
    if "cls" in files:
        return read_member(shard, files["cls"], _LONGEST).decode("utf-8").strip()
    if "json" in files:
        described = parse_json(read_member(shard, files["json"], _LONGEST), f"{shard}/{files['json']}")
        named = [name for name in LABEL_COLUMNS if isinstance(described, dict) and name in described]
        found: str | int | None = field(described, named[0], (str, int)) if named else None
        return found
    return None


FORMAT = Format("webdataset", "WebDataset tar shards", read, entry="sample")
