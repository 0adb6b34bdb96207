"""The label log as conditions on its table: what stands of it, and whose word on an image is the last."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, Select, func, select, true

from curator.store.catalog import PAGE, pages
from curator.store.schema import label_event


def standing(until: int | None = None) -> ColumnElement[bool]:
    """What was said and not taken back: the condition on `label_event`, at an event or now."""
    later = label_event.alias("later")
    taken_back = later.c.undoes == label_event.c.id
    if until is None:
        return label_event.c.undoes.is_(None) & ~select(later.c.id).where(taken_back).exists()
    taken_back &= later.c.id <= until
    undone = select(later.c.id).where(taken_back).exists()
    return label_event.c.undoes.is_(None) & ~undone & (label_event.c.id <= until)


def last_words(*conditions: ColumnElement[bool]) -> Select[tuple[int]]:
    """The number of the last event of each annotator on each image, among those that fit."""
    key = (label_event.c.image_id, label_event.c.annotator)
    return select(func.max(label_event.c.id)).where(*conditions).group_by(*key)


def about(image_ids: Collection[int] | None) -> Iterator[ColumnElement[bool]]:
    """On `label_event`: that it is about these images, a page of them at a time; about any, where None."""
    if image_ids is None:
        yield true()
    for page in pages(image_ids or (), PAGE):
        yield label_event.c.image_id.in_(page)


def last_event(connection: Connection) -> int:
    """The number of the newest event in the log; 0 before the first."""
    return int(connection.execute(select(func.max(label_event.c.id))).scalar() or 0)


def timestamp() -> str:
    """Now, as the log writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
