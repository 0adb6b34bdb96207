"""Which images were handed out to whom to be labelled, so that no two people label the same one unasked."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select

from curator.errors import CuratorError
from curator.store._label_log import last_event
from curator.store.catalog import PAGE, pages
from curator.store.database import Database
from curator.store.schema import assignment, label_event

HOLD = timedelta(hours=24)  # after that, what was not labelled goes to somebody else
_LOOKED_AT = 200  # candidates at once


class Assignments:
    """The images in annotators' hands: each until its annotator has said something of it, or time is up."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(
        self,
        annotator: str,
        image_ids: Sequence[int],
        count: int | None = None,
        *,
        overlap: float = 0.0,
        labelled: Sequence[int] = (),
        hold: timedelta = HOLD,
        instead_of: Collection[int] = (),
    ) -> list[int]:
        """Hand images out to an annotator; returns their ids, in the order asked for.

        What the annotator holds already may be handed out once more, and is then held for longer.

        Args:
            annotator: who is to label them.
            image_ids: candidates, best first.
            count: how many at most; None for as many as can be had.
            overlap: the share of them that others have too, from 0 to 1. Where others have too few of the
                candidates, images that nobody holds take their place: others may be given these later.
            labelled: images that others have labelled; they make up the overlap where too few of the
                candidates are in others' hands, and stand last.
            hold: how long they are the annotator's.
            instead_of: images in the annotator's hands that are taken back, but for those handed out again.

        Raises:
            CuratorError: an overlap outside 0 to 1.

        """
        if not 0 <= overlap <= 1:
            raise CuratorError(f"the overlap is to be {overlap}: wanted a share from 0 to 1")
        with self._database.writing() as connection:
            now = datetime.now(UTC)
            ranked = list(dict.fromkeys(image_ids))
            needed = None if overlap else count
            others = _in_others_hands(connection, annotator, ranked, needed, now)
            chosen = _choose(ranked, others, labelled, count, overlap)
            _take_back(connection, annotator, sorted({*instead_of, *chosen}))
            _hand_out(connection, annotator, chosen, now + hold)
        return chosen

    def held(self, annotator: str) -> list[int]:
        """Ids of the images in an annotator's hands, ascending."""
        with self._database.reading() as connection:
            held = _held(datetime.now(UTC)).where(assignment.c.annotator == annotator)
            return sorted(connection.execute(held).scalars())

    def held_by_others(self, annotator: str) -> list[int]:
        """Ids of the images in anybody else's hands, ascending."""
        with self._database.reading() as connection:
            held = _held(datetime.now(UTC)).where(assignment.c.annotator != annotator)
            return sorted(set(connection.execute(held).scalars()))

    def count(self) -> int:
        """How many images are in anybody's hands."""
        with self._database.reading() as connection:
            held = _held(datetime.now(UTC)).distinct().subquery()
            return connection.execute(select(func.count()).select_from(held)).scalar_one()

    def release(self, annotator: str, image_ids: Sequence[int] | None = None) -> None:
        """Take images back from an annotator; all of them where none are named."""
        with self._database.writing() as connection:
            if image_ids is None:
                connection.execute(delete(assignment).where(assignment.c.annotator == annotator))
            else:
                _take_back(connection, annotator, image_ids)


def _held(now: datetime) -> Select[int]:
    """The images in hands, once for each pair of them."""
    return select(assignment.c.image_id).where(assignment.c.expires_at > _written(now), ~_answered())


def _in_others_hands(
    connection: Connection, annotator: str, ranked: Sequence[int], needed: int | None, now: datetime
) -> set[int]:
    """Which of the images others have, of as many of the first as hold the number of free ones needed."""
    held = _held(now).where(assignment.c.annotator != annotator)
    found: set[int] = set()
    for start in range(0, len(ranked), _LOOKED_AT):
        if needed is not None and start - len(found) >= needed:
            break
        page = ranked[start : start + _LOOKED_AT]
        found.update(connection.execute(held.where(assignment.c.image_id.in_(page))).scalars())
    return found


def _answered() -> ColumnElement[bool]:
    """Whether the annotator has said something of the image since it was handed out."""
    said = select(label_event.c.id).where(
        label_event.c.image_id == assignment.c.image_id,
        label_event.c.annotator == assignment.c.annotator,
        label_event.c.id > assignment.c.after_event,
        label_event.c.undoes.is_(None),
    )
    return said.exists()


def _choose(
    ranked: Sequence[int], others: set[int], labelled: Sequence[int], count: int | None, overlap: float
) -> list[int]:
    """The best candidates: `overlap` of them such as others have too, the rest from nobody's hands."""
    free = [image_id for image_id in ranked if image_id not in others]
    known = [image_id for image_id in dict.fromkeys(labelled) if image_id not in free]
    shared = list(dict.fromkeys([*(image_id for image_id in ranked if image_id in others), *known]))
    wanted = len(ranked) if count is None else count
    shares = min(len(shared), round(overlap * wanted))
    if overlap < 1:  # where free images are scarce, the overlap keeps its share of what is left
        shares = min(shares, round(len(free) * overlap / (1 - overlap)))
    chosen = {*shared[:shares], *free[: wanted - shares]}
    return [image_id for image_id in dict.fromkeys([*ranked, *known]) if image_id in chosen]


def _take_back(connection: Connection, annotator: str, image_ids: Sequence[int]) -> None:
    for page in pages(image_ids, PAGE):
        mine = (assignment.c.annotator == annotator) & assignment.c.image_id.in_(page)
        connection.execute(delete(assignment).where(mine))


def _hand_out(connection: Connection, annotator: str, image_ids: Sequence[int], until: datetime) -> None:
    same = {"annotator": annotator, "expires_at": _written(until), "after_event": last_event(connection)}
    for page in pages(image_ids, PAGE):
        connection.execute(insert(assignment), [{"image_id": image_id, **same} for image_id in page])


def _written(moment: datetime) -> str:
    """A moment as text that sorts in the order of time."""
    return moment.isoformat(timespec="microseconds")
