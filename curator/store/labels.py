"""Who labelled which image what: an append-only log, and the current labels as a view of it."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import func, insert, select

from curator.store.catalog import PAGE, pages
from curator.store.database import Database
from curator.store.schema import current_label, image, label_event


class LabelEvent(NamedTuple):
    """One statement about one image; a label of None withdraws what was said before."""

    image_id: int
    label: str | None
    annotator: str
    source: str


class CurrentLabel(NamedTuple):
    """What an image is labelled now, and where that came from."""

    label: str
    source: str
    annotator: str


class Verdict(NamedTuple):
    """What a person who saw an image's given label said it is; `event` counts statements in the log."""

    event: int
    label: str
    content_hash: str


VERDICT = "verdict:"  # how the source of such a statement starts


class LabelRow(NamedTuple):
    """A current label with the image it belongs to."""

    path: str
    label: str
    annotator: str
    source: str
    created_at: str
    content_hash: str


class Labels:
    """The label log of one workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def empty(self) -> bool:
        """Whether nobody ever said anything."""
        with self._database.reading() as connection:
            return connection.execute(select(label_event.c.id).limit(1)).first() is None

    def append(self, events: Iterable[LabelEvent]) -> int:
        """Add statements to the log, all or none; returns how many."""
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        count = 0
        with self._database.writing() as connection:
            for page in pages(events, PAGE):
                ids = [event.image_id for event in page]
                query = select(image.c.id, image.c.content_hash).where(image.c.id.in_(ids))
                hashes = {row.id: row.content_hash for row in connection.execute(query)}
                rows = [
                    {**event._asdict(), "content_hash": hashes[event.image_id], "created_at": now}
                    for event in page
                ]
                connection.execute(insert(label_event), rows)
                count += len(rows)
        return count

    def current(self) -> dict[int, CurrentLabel]:
        """The current label of each labelled image, by image id."""
        columns = (current_label.c.label, current_label.c.source, current_label.c.annotator)
        with self._database.reading() as connection:
            rows = connection.execute(select(current_label.c.image_id, *columns))
            return {image_id: CurrentLabel(*rest) for image_id, *rest in rows}

    def rows(self) -> Iterator[LabelRow]:
        """Current labels in path order, of images that still exist."""
        query = (
            select(
                image.c.path,
                current_label.c.label,
                current_label.c.annotator,
                current_label.c.source,
                current_label.c.created_at,
                image.c.content_hash,
            )
            .join(image, image.c.id == current_label.c.image_id)
            .where(image.c.state == "ready")
            .order_by(image.c.path)
        )
        with self._database.reading() as connection:
            for row in connection.execute(query.execution_options(yield_per=PAGE)):
                yield LabelRow(*row)

    def verdicts(self) -> dict[int, Verdict]:
        """By image id, the current labels that are a person's verdict on the image as it is now."""
        last = select(func.max(label_event.c.id)).group_by(label_event.c.image_id)
        query = (
            select(label_event.c.image_id, label_event.c.id, label_event.c.label, label_event.c.content_hash)
            .join(image, image.c.id == label_event.c.image_id)
            .where(label_event.c.id.in_(last), label_event.c.label.is_not(None))
            .where(label_event.c.source.startswith(VERDICT))
            .where(image.c.content_hash == label_event.c.content_hash)
        )
        with self._database.reading() as connection:
            return {image_id: Verdict(*rest) for image_id, *rest in connection.execute(query)}

    def as_of(self, event: int) -> dict[int, str]:
        """By image id, the labels as they were after that many statements."""
        last = select(func.max(label_event.c.id)).where(label_event.c.id <= event)
        query = select(label_event.c.image_id, label_event.c.label).where(
            label_event.c.id.in_(last.group_by(label_event.c.image_id)), label_event.c.label.is_not(None)
        )
        with self._database.reading() as connection:
            return {row.image_id: row.label for row in connection.execute(query)}

    def changed_since(self) -> int:
        """How many labelled images have other contents now than when they were labelled."""
        query = (
            select(image.c.path)
            .join(current_label, image.c.id == current_label.c.image_id)
            .where(image.c.state == "ready", image.c.content_hash != current_label.c.content_hash)
        )
        with self._database.reading() as connection:
            return len(connection.execute(query).all())

    def coded(self, image_ids: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], list[str]]:
        """Labels of these images as codes int [n] (-1 where there is none), and the sorted class names."""
        current = self.current()
        present = [current[i].label if i in current else None for i in image_ids.tolist()]
        names = sorted({label for label in present if label is not None})
        code: dict[str | None, int] = {name: index for index, name in enumerate(names)}
        code[None] = -1
        return np.array([code[label] for label in present], dtype=np.int64), names


def labels_digest(
    image_ids: npt.NDArray[np.int64], codes: npt.NDArray[np.int64], names: Sequence[str]
) -> str:
    """One hash over who is labelled what: changes when any current label does."""
    running = hashlib.sha256("\0".join(names).encode())
    running.update(np.ascontiguousarray(image_ids).tobytes())
    running.update(np.ascontiguousarray(codes).tobytes())
    return running.hexdigest()
