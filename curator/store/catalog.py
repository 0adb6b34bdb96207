"""Which images exist: their path, size, content hash and state."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    case,
    delete,
    false,
    func,
    select,
    true,
    update,
)

from curator.store.database import Database, upsert
from curator.store.schema import image, label_event, vector

PAGE = 1000  # rows per transaction or query: bounds memory and how long the write lock is held
RECORDED = ("state", "reason", "message", "content_hash", "width", "height")  # what reading an image tells
PASSING_REASONS = (
    "missing",
    "permission",
    "io_error",
    "out_of_memory",
    "crash",
)  # may be gone at the next run

Item = TypeVar("Item")


class FileEntry(NamedTuple):
    """One file that a scan found. `state` is pending for a candidate image, else broken or ignored."""

    path: str
    size: int
    mtime_ns: int
    state: str
    reason: str | None
    message: str | None


class ImageRow(NamedTuple):
    """An image as the catalog knows it."""

    id: int
    path: str
    content_hash: str


class KnownImage(NamedTuple):
    """What the catalog knows of the file at a path."""

    id: int
    state: str
    content_hash: str | None


@dataclass(frozen=True)
class Reading:
    """What came of reading one pending image: a content hash and a size, or the reason why not."""

    image_id: int
    content_hash: str | None
    width: int | None = None
    height: int | None = None
    reason: str | None = None
    message: str | None = None


class Catalog:
    """The images of one workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def synchronize(self, entries: Iterable[FileEntry]) -> None:
        """Bring the catalog in line with a scan: new and changed files wait to be read, others are gone."""
        with self._database.reading() as connection:
            scan = (connection.execute(select(func.max(image.c.scan))).scalar() or 0) + 1
        for page in pages(entries, PAGE):
            with self._database.writing() as connection:
                _upsert(connection, page, scan)
        with self._database.writing() as connection:
            missing = (image.c.scan != scan) & (image.c.state != "gone")
            connection.execute(update(image).where(missing).values(state="gone"))

    def clear(self) -> None:
        """Forget all images; for a workspace in which nothing was ever said of any."""
        with self._database.writing() as connection:
            connection.execute(delete(image))

    def to_read(self, encoder_id: int, after: str = "", limit: int = PAGE) -> list[tuple[int, str]]:
        """The next images to be read for an encoder, as (id, path) in path order, after a path.

        Those are the images whose content is not known yet, or has no vector of this encoder.
        """
        with self._database.reading() as connection:
            found = connection.execute(next_to_read(encoder_id, after, limit))
            return [(row.id, row.path) for row in found]

    def count_to_read(self, encoder_id: int) -> int:
        """How many images `to_read` would give in all."""
        query = select(func.count()).select_from(image).where(_lacks_vector(encoder_id))
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def ready(self) -> Iterator[ImageRow]:
        """All readable images in path order, a page at a time."""
        after = ""
        while True:
            query = (
                select(image.c.id, image.c.path, image.c.content_hash)
                .where(image.c.state == "ready", image.c.path > after)
                .order_by(image.c.path)
                .limit(PAGE)
            )
            with self._database.reading() as connection:
                rows = [ImageRow(*row) for row in connection.execute(query)]
            yield from rows
            if len(rows) < PAGE:
                return
            after = rows[-1].path

    def ready_files(self) -> Iterator[tuple[str, int, int]]:
        """Path, size and time in nanoseconds of all readable images, as last seen, in path order."""
        query = select(image.c.path, image.c.size, image.c.mtime_ns).where(image.c.state == "ready")
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(image.c.path).execution_options(yield_per=PAGE))
            yield from ((row.path, row.size, row.mtime_ns) for row in rows)

    def by_ids(self, image_ids: Sequence[int]) -> list[ImageRow]:
        """The images with these ids, in the order asked for."""
        found: dict[int, ImageRow] = {}
        with self._database.reading() as connection:
            for page in pages(image_ids, PAGE):
                query = select(image.c.id, image.c.path, image.c.content_hash)
                rows = connection.execute(query.where(image.c.id.in_([int(i) for i in page])))
                found |= {row.id: ImageRow(*row) for row in rows}
        return [found[int(i)] for i in image_ids]

    def sizes(self, image_ids: Sequence[int]) -> list[tuple[int, int]]:
        """Width and height in pixels of the images with these ids, in the order asked for."""
        found: dict[int, tuple[int, int]] = {}
        with self._database.reading() as connection:
            for page in pages(image_ids, PAGE):
                query = select(image.c.id, image.c.width, image.c.height)
                rows = connection.execute(query.where(image.c.id.in_([int(i) for i in page])))
                found |= {row.id: (row.width or 0, row.height or 0) for row in rows}
        return [found[int(i)] for i in image_ids]

    def find(self, paths: Sequence[str]) -> dict[str, KnownImage]:
        """The images at these paths, by path; unknown paths are left out."""
        columns = (image.c.id, image.c.state, image.c.content_hash)
        found: dict[str, KnownImage] = {}
        with self._database.reading() as connection:
            for page in pages(paths, PAGE):
                query = select(image.c.path, *columns).where(image.c.path.in_(page))
                found |= {path: KnownImage(*rest) for path, *rest in connection.execute(query)}
        return found

    def find_contents(self, hashes: Sequence[str]) -> dict[str, list[int]]:
        """Ids of the readable images with these contents, by content hash."""
        found: dict[str, list[int]] = {}
        with self._database.reading() as connection:
            for page in pages(hashes, PAGE):
                wanted = image.c.content_hash.in_(page) & (image.c.state == "ready")
                query = select(image.c.content_hash, image.c.id).where(wanted).order_by(image.c.path)
                for row in connection.execute(query):
                    found.setdefault(row.content_hash, []).append(row.id)
        return found

    def counts(self) -> dict[str, int]:
        """How many images are in each state."""
        query = select(image.c.state, func.count()).group_by(image.c.state)
        with self._database.reading() as connection:
            return {row.state: row[1] for row in connection.execute(query)}

    def count_contents(self) -> int:
        """How many different contents the readable images have."""
        query = select(func.count(image.c.content_hash.distinct())).where(image.c.state == "ready")
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def broken(self) -> Iterator[dict[str, Any]]:
        """Files that look like images but could not be read: path, reason, message; in path order."""
        after = ""
        while True:
            query = (
                select(image.c.path, image.c.reason, image.c.message)
                .where(image.c.state == "broken", image.c.path > after)
                .order_by(image.c.path)
                .limit(PAGE)
            )
            with self._database.reading() as connection:
                rows = [dict(row) for row in connection.execute(query).mappings()]
            yield from rows
            if len(rows) < PAGE:
                return
            after = rows[-1]["path"]

    def digest(self) -> str:
        """One hash over the paths and contents of all readable images: changes when any of them does."""
        running = hashlib.sha256()
        for row in self.ready():
            running.update(f"{row.path}\0{row.content_hash}\n".encode())
        return running.hexdigest()


def record(connection: Connection, readings: Sequence[Reading]) -> None:
    """Write what came of reading a batch, within the caller's transaction; renamed images keep their row."""
    for page in pages(readings, PAGE):
        connection.execute(_RECORD, [_recorded(reading) for reading in page])
        _follow_renames(connection, page)


def pages(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Cut an iterable into lists of at most `size`."""
    iterator = iter(items)
    while page := list(islice(iterator, size)):
        yield page


def _upsert(connection: Connection, page: Sequence[FileEntry], scan: int) -> None:
    known = select(image).where(image.c.path.in_([entry.path for entry in page]))
    before = {row.path: row for row in connection.execute(known)}
    rows = [_merged(entry, before.get(entry.path), scan) for entry in page]
    upsert(connection, image, rows, "path")


def _merged(entry: FileEntry, before: Any, scan: int) -> dict[str, Any]:
    row = {**entry._asdict(), "content_hash": None, "width": None, "height": None, "scan": scan}
    if before is None or entry.state != "pending":
        return row
    row |= {"content_hash": before.content_hash, "width": before.width, "height": before.height}
    unchanged = (before.size, before.mtime_ns) == (entry.size, entry.mtime_ns)
    if unchanged and before.state in ("ready", "broken") and before.reason not in PASSING_REASONS:
        row |= {"state": before.state, "reason": before.reason, "message": before.message}
    return row


_RECORD = (
    update(image)
    .where(image.c.id == bindparam("image_id"))
    .values({name: bindparam(f"new_{name}") for name in RECORDED})
)


def next_to_read(encoder_id: int, after: str, limit: int) -> Select[int, str]:
    """The query of `Catalog.to_read`, which walks along the paths: a batch costs no more where more wait."""
    waiting = select(image.c.id, image.c.path).where(_lacks_vector(encoder_id), image.c.path > after)
    return waiting.order_by(image.c.path).limit(limit)


def _lacks_vector(encoder_id: int) -> ColumnElement[bool]:
    mine = (vector.c.encoder_id == encoder_id) & (vector.c.content_hash == image.c.content_hash)
    unknown = ~select(vector.c.row).where(mine).exists()
    # Of `pending OR ready AND unknown` SQLite would gather and sort all that wait, for each batch.
    return case((image.c.state == "pending", true()), (image.c.state == "ready", unknown), else_=false())


def _recorded(reading: Reading) -> dict[str, Any]:
    values = {name: getattr(reading, name) for name in RECORDED if name != "state"}
    values["state"] = "broken" if reading.content_hash is None else "ready"
    return {"image_id": reading.image_id} | {f"new_{name}": value for name, value in values.items()}


def _follow_renames(connection: Connection, readings: Sequence[Reading]) -> None:
    """Where a labelled image of the same content is gone, a new image is that one under a new name."""
    contents = {reading.content_hash for reading in readings}
    labelled = select(label_event.c.image_id)
    lost = image.c.content_hash.in_(contents - {None}) & (image.c.state == "gone") & image.c.id.in_(labelled)
    query = select(image.c.id, image.c.content_hash).where(lost).order_by(image.c.path)
    gone: dict[str, deque[int]] = {}
    for row in connection.execute(query):
        gone.setdefault(row.content_hash, deque()).append(row.id)
    if not gone:
        return
    for reading in readings:
        candidates = gone.get(reading.content_hash or "")
        has_labels = labelled.where(label_event.c.image_id == reading.image_id).limit(1)
        if candidates and connection.execute(has_labels).first() is None:
            _rename(connection, candidates.popleft(), reading.image_id)


def _rename(connection: Connection, old_id: int, new_id: int) -> None:
    """Let the row of a lost image and that of a new one change places: the new one is then the lost one.

    Neither row goes away: stored embeddings may still name it.
    """
    both = image.c.id.in_([old_id, new_id])
    rows = {row["id"]: dict(row) for row in connection.execute(select(image).where(both)).mappings()}
    old, new = ({name: row[name] for name in row if name != "id"} for row in (rows[old_id], rows[new_id]))
    connection.execute(update(image).where(image.c.id == new_id).values(path=f"{new['path']}/"))
    connection.execute(update(image).where(image.c.id == old_id).values(**new))
    connection.execute(update(image).where(image.c.id == new_id).values(**old))
