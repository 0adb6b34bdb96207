"""Labels that were drawn for people to check, and how: an estimate from their verdicts rests on it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import insert, select

from curator.store._label_log import last_event
from curator.store.catalog import PAGE, pages
from curator.store.database import Database
from curator.store.schema import audit_draw, audit_sample


class Draw(NamedTuple):
    """One drawn label: of which image, what it was, from which stratum, and how probably it was drawn."""

    image_id: int
    content_hash: str
    label: str
    stratum: int
    stratum_size: int
    stratum_mean: float
    inclusion: float
    error_probability: float


class StoredSample(NamedTuple):
    """A sample, and the last statement that the label log held when it was drawn."""

    last_event: int
    draws: list[Draw]


class Samples:
    """The samples of one workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, draws: Sequence[Draw]) -> None:
        """Remember a sample of the labels as they are now."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._database.writing() as connection:
            last = last_event(connection)
            made = insert(audit_sample).values(last_event=last, created_at=now).returning(audit_sample.c.id)
            sample_id = connection.execute(made).scalar_one()
            for page in pages(enumerate(draws, start=1), PAGE):
                rows = [{"sample_id": sample_id, "rank": rank, **draw._asdict()} for rank, draw in page]
                connection.execute(insert(audit_draw), rows)

    def all(self) -> list[StoredSample]:
        """All samples, the oldest first."""
        columns = [audit_draw.c[name] for name in Draw._fields]
        with self._database.reading() as connection:
            found = connection.execute(select(audit_sample).order_by(audit_sample.c.id)).all()
            draws = {
                sample.id: connection.execute(
                    select(*columns).where(audit_draw.c.sample_id == sample.id).order_by(audit_draw.c.rank)
                ).all()
                for sample in found
            }
        return [StoredSample(sample.last_event, [Draw(*row) for row in draws[sample.id]]) for sample in found]
