"""Embeddings by content hash: a file of float16 rows per encoder, appended and committed batch by batch."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, delete, func, insert, select

from curator.store.catalog import PAGE, pages
from curator.store.database import Database
from curator.store.schema import encoder, segment, vector

ITEM_BYTES = 2  # float16


class Segment(NamedTuple):
    """A committed stretch of rows with the checksum of its bytes."""

    first_row: int
    row_count: int
    sha256: str


class VectorFile:
    """The vectors of one encoder. Bytes are written and synced first, then the database says they count.

    A crash between the two leaves bytes that no row points to; the next append overwrites them.
    """

    def __init__(
        self, database: Database, folder: Path, fingerprint: str, spec: dict[str, Any], dim: int
    ) -> None:
        self._database = database
        self.dim = dim
        self.path = folder / "vectors.f16"
        with database.writing() as connection:
            self.encoder_id = _encoder_id(connection, fingerprint, spec, dim)

    def known(self, hashes: Sequence[str]) -> set[str]:
        """Which of these contents have a vector."""
        found: set[str] = set()
        with self._database.reading() as connection:
            for page in pages(hashes, PAGE):
                mine = (vector.c.encoder_id == self.encoder_id) & vector.c.content_hash.in_(page)
                found |= set(connection.execute(select(vector.c.content_hash).where(mine)).scalars())
        return found

    def append(self, connection: Connection, hashes: Sequence[str], rows: npt.NDArray[np.float16]) -> None:
        """Write rows [m, d] of these contents at the end, within the caller's transaction."""
        if not hashes:
            return
        last = select(func.max(segment.c.first_row + segment.c.row_count))
        first = connection.execute(last.where(segment.c.encoder_id == self.encoder_id)).scalar() or 0
        data = np.ascontiguousarray(rows, dtype=np.float16).tobytes()
        _write_at(self.path, first * self.dim * ITEM_BYTES, data)
        key = {"encoder_id": self.encoder_id}
        checksum = hashlib.sha256(data).hexdigest()
        connection.execute(
            insert(segment).values(**key, first_row=first, row_count=len(hashes), sha256=checksum)
        )
        numbered = [{**key, "content_hash": h, "row": first + i} for i, h in enumerate(hashes)]
        connection.execute(insert(vector), numbered)

    def drop_damaged(self) -> None:
        """Forget vectors whose stored bytes do not match their checksum: they are to be embedded again."""
        for part in self.damaged():
            self._drop(part)

    def damaged(self) -> Iterator[Segment]:
        """The stretches whose stored bytes do not match their checksum."""
        for part in self._segments():
            if hashlib.sha256(self._bytes(part)).hexdigest() != part.sha256:
                yield part

    def gather(self, hashes: Sequence[str]) -> npt.NDArray[np.float16]:
        """The rows [m, d] of these contents, in the order asked for; KeyError where one has none."""
        rows: dict[str, int] = {}
        with self._database.reading() as connection:
            for page in pages(hashes, PAGE):
                mine = (vector.c.encoder_id == self.encoder_id) & vector.c.content_hash.in_(page)
                query = select(vector.c.content_hash, vector.c.row).where(mine)
                rows |= {row.content_hash: row.row for row in connection.execute(query)}
        numbers = np.array([rows[h] for h in hashes], dtype=np.int64)
        shape = (int(numbers.max(initial=-1)) + 1, self.dim)
        stored = np.memmap(self.path, dtype=np.float16, mode="r", shape=shape)
        return np.asarray(stored[numbers])

    def _segments(self) -> Iterator[Segment]:
        query = (
            select(segment.c.first_row, segment.c.row_count, segment.c.sha256)
            .where(segment.c.encoder_id == self.encoder_id)
            .order_by(segment.c.first_row)
        )
        with self._database.reading() as connection:
            parts = [Segment(*row) for row in connection.execute(query)]
        yield from parts

    def _bytes(self, part: Segment) -> bytes:
        if not self.path.exists():
            return b""
        with self.path.open("rb") as file:
            file.seek(part.first_row * self.dim * ITEM_BYTES)
            return file.read(part.row_count * self.dim * ITEM_BYTES)

    def _drop(self, part: Segment) -> None:
        rows = vector.c.row.between(part.first_row, part.first_row + part.row_count - 1)
        first = segment.c.first_row == part.first_row
        with self._database.writing() as connection:
            connection.execute(delete(vector).where(vector.c.encoder_id == self.encoder_id, rows))
            connection.execute(delete(segment).where(segment.c.encoder_id == self.encoder_id, first))


def _encoder_id(connection: Connection, fingerprint: str, spec: dict[str, Any], dim: int) -> int:
    query = select(encoder.c.id).where(encoder.c.fingerprint == fingerprint)
    found = connection.execute(query).scalar()
    if found is not None:
        return int(found)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    values = {"fingerprint": fingerprint, "spec": spec, "dim": dim, "created_at": now}
    result = connection.execute(insert(encoder).values(**values).returning(encoder.c.id))
    return int(result.scalar_one())


def _write_at(path: Path, offset: int, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.seek(offset)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
