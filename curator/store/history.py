"""The label log read back, and its last acts taken back: by adding to it, never by deleting."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select

from curator.store._label_log import last_event, last_words, standing, timestamp
from curator.store.database import Database
from curator.store.labels import LabelEvent
from curator.store.schema import image, label_event

UNDO = "undo"  # the source of an event that takes another back


class LogEntry(NamedTuple):
    """One event of the log. `state`: current, replaced, withdrawal, undone, or undo (it takes one back).

    A current statement is its annotator's last word on the image; the consensus may be another's.
    """

    event: int
    path: str
    created_at: str
    annotator: str
    label: str | None
    source: str
    state: str
    content_hash: str


class Act(NamedTuple):
    """What was said at once: a file imported, folders read, an answer on a page."""

    created_at: str
    source: str
    annotators: list[str]
    labels: int
    images: int


class History:
    """Everything that was ever said of the images of one workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_image(self, image_id: int) -> list[LogEntry]:
        """What was said of an image, the oldest first."""
        return self._entries([image_id])

    def of_content(self, content_hash: str) -> list[LogEntry]:
        """What was said of all images that had this content when it was said, whatever their names."""
        known = select(label_event.c.image_id).where(label_event.c.content_hash == content_hash).distinct()
        with self._database.reading() as connection:
            ids = list(connection.execute(known).scalars())
        return self._entries(ids)

    def undo(self, count: int = 1, annotator: str | None = None) -> list[Act]:
        """Take back the last acts that still stand, the newest first; returns what they were.

        What the same annotators said of the images before then stands again. Of an annotator's last acts,
        only what that annotator said is taken back. An undo is itself never taken back: the next one goes
        further back. Fewer acts than asked for are returned when there are no more.
        """
        undone = []
        with self._database.writing() as connection:
            for _ in range(count):
                act = _undo_last(connection, annotator)
                if act is None:
                    break
                undone.append(act)
        return undone

    def take_back(self, said: Sequence[LabelEvent]) -> list[LabelEvent]:
        """Take back what annotators said last of these images, where it still is what they said last.

        One act, as `undo` makes it; what they, and others, said before stands again. Returns what was taken
        back.
        """
        with self._database.writing() as connection:
            wanted = {(each.image_id, each.annotator): each for each in said}
            about = label_event.c.image_id.in_({each.image_id for each in said})
            last = label_event.c.id.in_(last_words(about, standing()))
            events = connection.execute(select(label_event).where(last)).all()
            taken = [each for each in events if _matches(each, wanted)]
            _mark(connection, taken)
        return [wanted[each.image_id, each.annotator] for each in taken]

    def take_back_before(self, event: int, annotator: str, sources: Collection[str]) -> list[LabelEvent]:
        """Take back the last act of an annotator up to that event, of those from some sources; returns it."""
        wanted = (label_event.c.annotator == annotator) & label_event.c.source.in_(sources)
        with self._database.writing() as connection:
            events = _last_act(connection, standing() & wanted & (label_event.c.id <= event))
            _mark(connection, events)
        return [LabelEvent(each.image_id, each.label, each.annotator, each.source) for each in events]

    def _entries(self, image_ids: Sequence[int]) -> list[LogEntry]:
        columns = [label_event.c[name] for name in ("annotator", "label", "source")]
        about = label_event.c.image_id.in_(image_ids)
        query = (
            select(
                label_event.c.id,
                image.c.path,
                label_event.c.created_at,
                *columns,
                label_event.c.content_hash,
                label_event.c.undoes,
            )
            .join(image, image.c.id == label_event.c.image_id)
            .where(about)
            .order_by(label_event.c.id)
        )
        words = last_words(about, standing())
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            last = set(connection.execute(words).scalars())
        undone = {row.undoes for row in rows}
        return [
            LogEntry(
                *row[:6], _state(row.id in undone, row.undoes, row.label, row.id in last), row.content_hash
            )
            for row in rows
        ]


def _state(undone: bool, undoes: int | None, label: str | None, last: bool) -> str:
    if undoes is not None:
        return "undo"
    if undone:
        return "undone"
    if not last:
        return "replaced"
    return "withdrawal" if label is None else "current"


def _undo_last(connection: Connection, annotator: str | None) -> Act | None:
    stands = standing() if annotator is None else standing() & (label_event.c.annotator == annotator)
    events = _last_act(connection, stands)
    if not events:
        return None
    _mark(connection, events)
    annotators, images = sorted({row.annotator for row in events}), {row.image_id for row in events}
    return Act(events[0].created_at, events[0].source, annotators, len(events), len(images))


def _last_act(connection: Connection, stands: ColumnElement[bool]) -> Sequence[Row[Any]]:
    """What was said at once, and last, of the events that fit; nothing where none does."""
    batch = connection.execute(select(func.max(label_event.c.batch)).where(stands)).scalar()
    query = select(label_event).where(stands, label_event.c.batch == batch).order_by(label_event.c.id)
    return [] if batch is None else connection.execute(query).all()


def _matches(event: Row[Any], wanted: Mapping[tuple[int, str], LabelEvent]) -> bool:
    said = wanted.get((event.image_id, event.annotator))
    return said is not None and (event.label, event.source) == (said.label, said.source)


def _mark(connection: Connection, events: Sequence[Row[Any]]) -> None:
    """Add, for each event, one that takes it back."""
    same = {"label": None, "source": UNDO, "created_at": timestamp(), "batch": last_event(connection) + 1}
    kept = ("image_id", "annotator", "content_hash")
    markers = [{**same, **{name: row._mapping[name] for name in kept}, "undoes": row.id} for row in events]
    if markers:
        connection.execute(insert(label_event), markers)
