"""Images in a column of bytes of a Parquet or Arrow file, as Hugging Face data sets are kept; needs pyarrow.

A path that a row holds beside or in place of bytes is never opened.
"""

from __future__ import annotations

import json
import re
import threading
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, Protocol

from curator.images._formats import plugin_for
from curator.images.entry import Entry
from curator.images.reasons import UnreadableImageError

IMAGE_COLUMNS = ("image", "img", "picture", "photo", "jpg", "jpeg", "png", "webp", "bytes", "content")
_NAME = re.compile(r"(\d{8,15})\.\w+")
_EXTENSIONS = {"JPEG": "jpg", "TIFF": "tif"}  # the others are called as their format is
_TRIED = 16  # rows that are looked at to see whether a column of bytes holds images
_BLOCK_LIMIT = 2**30  # bytes of images in one row group, which is in memory as a whole
_BLOCKS, _FILES = 2, 8  # kept in memory; opened


def entries(file: Path) -> Iterator[Entry]:
    """The images of a table, by the number of their row; none where no column holds images."""
    table, time = _opened(file), file.stat().st_mtime_ns
    extension = table.extension
    if extension is not None:
        yield from (Entry(f"{row:08}.{extension}", 0, time) for row in range(table.rows))


def read_row(file: Path, name: str, limit: int) -> bytes:
    """The bytes of one image, at most `limit` + 1 of them."""
    table, matched = _opened(file), _NAME.fullmatch(name)
    row = int(matched[1]) if matched else -1
    if not 0 <= row < table.rows or table.extension is None:
        raise UnreadableImageError(
            "missing", f"is not in the table {file.name}, which has {table.rows:,} rows"
        )
    data = table.image(row)
    if data is None:
        raise UnreadableImageError("missing", "is a row without bytes; a path in its place is not opened")
    return bytes(memoryview(data)[: limit + 1])


def labels_in(file: Path, names: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """The name of each image of a table with its label, from the first of these columns that there is.

    A class label of Hugging Face's is its name; -1, which stands for none there, and null are None.
    """
    table = _opened(file)
    yield from zip((entry.name for entry in entries(file)), table.labels(names), strict=False)


def image_column(schema: Any) -> str | None:
    """The column of a pyarrow schema that may hold images: bytes, or a struct with a field `bytes`."""
    candidates = [field.name for field in schema if _holds_bytes(field.type)]
    known = [name for name in IMAGE_COLUMNS if name in candidates]
    return next(iter(known or candidates), None)


class _Blocks(Protocol):
    """A file in blocks of rows; each is read as a whole."""

    schema: Any
    lengths: Sequence[int]

    def read(self, block: int, column: str) -> Any:
        """The values of a column in one block, a pyarrow array."""

    def values(self, column: str) -> Iterator[Any]:
        """The values of a column from the first on, without a whole block in memory."""


class _Table:
    """The column of images in one file."""

    def __init__(self, blocks: _Blocks) -> None:
        self._blocks = blocks
        self._column = image_column(blocks.schema)
        self._ends = list(accumulate(blocks.lengths))
        self._lock = threading.Lock()  # or each of many readers would hold a block of its own
        self._block = lru_cache(maxsize=_BLOCKS)(self._read)
        self.rows = self._ends[-1] if self._ends else 0
        self.extension = self._extension()

    def image(self, row: int) -> Any:
        """The bytes in a row, a buffer; None where there are none."""
        block = bisect_right(self._ends, row)
        with self._lock:
            values = self._block(block)
        return _bytes(values[row - (self._ends[block - 1] if block else 0)])

    def labels(self, names: Sequence[str]) -> Iterator[Any]:
        """The values of the first of these columns that there is; none where there is none."""
        column = next((name for name in names if name in self._blocks.schema.names), None)
        if column is None:
            return
        classes = _classes(self._blocks.schema.metadata or {}, column)
        for block in range(len(self._blocks.lengths)):
            with _explained():
                values = self._blocks.read(block, column).to_pylist()
            yield from (_named(value, classes) for value in values)

    def _read(self, block: int) -> Any:
        with _explained():
            values = self._blocks.read(block, str(self._column))
        if len(values) != self._blocks.lengths[block]:
            raise UnreadableImageError("corrupt", "is a damaged table: it has fewer rows than it says")
        return values

    def _extension(self) -> str | None:
        """How the first image in the column would be called; None where the first rows hold none."""
        if self._column is None or not self.rows:
            return None
        with _explained():
            first = list(islice(self._blocks.values(self._column), _TRIED))
        for value in first:
            try:
                format_name, _ = plugin_for(bytes(memoryview(_bytes(value) or b"")[:2048]))
            except UnreadableImageError:
                continue
            return _EXTENSIONS.get(format_name, format_name.lower())
        return None


class _Parquet:
    """Blocks are row groups."""

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self._file = pq.ParquetFile(path)
        self._groups = [self._file.metadata.row_group(i) for i in range(self._file.metadata.num_row_groups)]
        self.schema: Any = self._file.schema_arrow
        self.lengths: Sequence[int] = [group.num_rows for group in self._groups]

    def read(self, block: int, column: str) -> Any:
        group = self._groups[block]
        chunks = [group.column(i) for i in range(group.num_columns)]
        size = sum(
            each.total_uncompressed_size for each in chunks if each.path_in_schema.split(".")[0] == column
        )
        if size > _BLOCK_LIMIT:
            raise UnreadableImageError(
                "too_large_file",
                f"is in a row group of {size / 2**20:,.0f} MiB: write the table with row_group_size=100",
            )
        return self._file.read_row_group(block, columns=[column]).column(column)

    def values(self, column: str) -> Iterator[Any]:
        for batch in self._file.iter_batches(batch_size=_TRIED, columns=[column]):
            yield from batch.column(0)


class _Arrow:
    """Blocks are record batches, mapped and not copied."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        with pa.memory_map(str(path)) as mapped:
            try:
                reader = pa.ipc.open_stream(mapped)
                batches = iter(reader)
            except pa.ArrowInvalid:
                reader = pa.ipc.open_file(mapped)
                batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
            self._batches, size = [], 0
            for batch in batches:
                size += batch.nbytes
                if size > path.stat().st_size + 2**20:
                    message = "is a compressed Arrow file, which is not read: write it as Parquet"
                    raise UnreadableImageError("unsupported_format", message)
                self._batches.append(batch)
        self.schema: Any = reader.schema
        self.lengths: Sequence[int] = [batch.num_rows for batch in self._batches]

    def read(self, block: int, column: str) -> Any:
        values = self._batches[block].column(column)
        values.validate(full=True)  # places in the file may be anything, and are not checked on reading
        return values

    def values(self, column: str) -> Iterator[Any]:
        for block in range(len(self._batches)):
            yield from self.read(block, column)


def _opened(file: Path) -> _Table:
    status = file.stat()
    return _open(file, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=_FILES)
def _open(file: Path, _mtime_ns: int, size: int) -> _Table:
    with _explained():
        blocks: _Blocks = _Arrow(file) if file.suffix.lower() == ".arrow" else _Parquet(file)
        if min(blocks.lengths, default=0) < 0 or sum(blocks.lengths) > size:  # no image has less than a byte
            raise UnreadableImageError(
                "corrupt", "is a damaged table: it says that it has more rows than bytes"
            )
        return _Table(blocks)


def _holds_bytes(kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_struct(kind):
        index = kind.get_field_index("bytes")
        return index >= 0 and _holds_bytes(kind.field(index).type)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _classes(metadata: Mapping[bytes, bytes], column: str) -> list[str] | None:
    """The names of a column's classes, as Hugging Face's `datasets` writes them beside a schema."""
    try:
        known = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"][column]["names"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return [str(name) for name in known] if isinstance(known, list) else None


def _named(value: Any, classes: list[str] | None) -> Any:
    if classes is None or not isinstance(value, int):
        return value
    return classes[value] if 0 <= value < len(classes) else None


def _bytes(value: Any) -> Any:
    """The buffer in a pyarrow scalar, of bytes or of a struct with a field `bytes`; None for null."""
    if not value.is_valid:
        return None
    return value.as_buffer() if hasattr(value, "as_buffer") else _bytes(value["bytes"])


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what pyarrow says of a damaged file into the reason why."""
    try:
        import pyarrow as pa
    except ImportError as error:
        message = "is a table that needs pyarrow to be read: pip install 'curator[parquet]'"
        raise UnreadableImageError("unsupported_format", message) from error
    try:
        yield
    except pa.ArrowMemoryError:
        raise
    except (pa.ArrowException, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the system's; pyarrow's own have none
            raise
        said = " ".join(str(error).split())[:200]
        raise UnreadableImageError("corrupt", f"is a damaged table: {said}") from error
