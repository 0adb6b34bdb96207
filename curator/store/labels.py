"""Who labelled which image what: an append-only log, and what stands of it."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, Select, func, insert, select

from curator.annotators import DEFAULT_RULE, deciding_statements
from curator.store.catalog import PAGE, pages
from curator.store.database import Database
from curator.store.schema import image, label_event, setting

VERDICT = "verdict:"  # how the source of a label starts that was given in sight of the one before
FOLDERS = "folders"  # the source of a label that nobody gave: the image lies in a folder of that name
RULE_SETTING = "consensus"
_REMEMBERED = 3  # states of the log whose consensus is not worked out again


class LabelEvent(NamedTuple):
    """One statement about one image; a label of None withdraws what its annotator said before."""

    image_id: int
    label: str | None
    annotator: str
    source: str


class Statement(NamedTuple):
    """An annotator's last word on an image; `event` counts statements in the log."""

    event: int
    image_id: int
    label: str
    annotator: str
    source: str
    content_hash: str
    created_at: str


_NO_CLASS = ""  # a verdict's label where a person found that no class fits: no class has this name


class CurrentLabel(NamedTuple):
    """What an image is labelled now, and where that came from."""

    label: str
    source: str
    annotator: str


class LabelRow(NamedTuple):
    """A current label with the image it belongs to."""

    path: str
    label: str
    annotator: str
    source: str
    created_at: str
    content_hash: str


class Labels:
    """The label log of one workspace.

    The current label of an image is the consensus of each annotator's last word, by the workspace's rule.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._found: dict[tuple[int, str], dict[int, Statement]] = {}  # the log up to an event never changes

    def empty(self) -> bool:
        """Whether nobody ever said anything."""
        with self._database.reading() as connection:
            return connection.execute(select(label_event.c.id).limit(1)).first() is None

    def append(self, events: Iterable[LabelEvent]) -> int:
        """Add statements to the log as one batch, all or none; returns how many."""
        count = 0
        with self._database.writing() as connection:
            now, batch = timestamp(), last_event(connection) + 1
            for page in pages(events, PAGE):
                ids = [event.image_id for event in page]
                query = select(image.c.id, image.c.content_hash).where(image.c.id.in_(ids))
                hashes = {row.id: row.content_hash for row in connection.execute(query)}
                same = {"created_at": now, "batch": batch}
                rows = [{**e._asdict(), **same, "content_hash": hashes[e.image_id]} for e in page]
                connection.execute(insert(label_event), rows)
                count += len(rows)
        return count

    def statements(self, until: int | None = None) -> list[Statement]:
        """The last word of each annotator on each image, without what was withdrawn or taken back.

        In the order in which they were made; with `until`, as they were after that many events.
        """
        return [said for said in self._words(until) if said.label != _NO_CLASS]

    def _words(self, until: int | None) -> list[Statement]:
        """`statements`, and the verdicts that an image is of no class."""
        query = (
            select(
                label_event.c.id,
                label_event.c.image_id,
                func.coalesce(label_event.c.label, _NO_CLASS),
                label_event.c.annotator,
                label_event.c.source,
                label_event.c.content_hash,
                label_event.c.created_at,
            )
            .where(label_event.c.id.in_(last_words(standing(until))))
            .where(label_event.c.label.is_not(None) | label_event.c.source.startswith(VERDICT))
            .order_by(label_event.c.id)
        )
        with self._database.reading() as connection:
            return [Statement(*row) for row in connection.execute(query)]

    def current(self) -> dict[int, CurrentLabel]:
        """The current label of each labelled image, by image id."""
        return {
            image_id: CurrentLabel(said.label, said.source, said.annotator)
            for image_id, said in self.deciding().items()
        }

    def deciding(self, until: int | None = None) -> dict[int, Statement]:
        """By image id, the statement that carries the current label; with `until`, after so many events."""
        with self._database.reading() as connection:
            newest = last_event(connection)
        event, rule = newest if until is None else min(until, newest), self.rule()
        found = self._found.get((event, rule))
        if found is None:
            agreed = consensus_statements(self._words(event), rule)
            found = {said.image_id: said for said in agreed if said.label != _NO_CLASS}
            self._found = dict([*self._found.items(), ((event, rule), found)][-_REMEMBERED:])
        return dict(found)

    def rule(self) -> str:
        """How the annotators' words make one label."""
        query = select(setting.c.value).where(setting.c.name == RULE_SETTING)
        with self._database.reading() as connection:
            return str(connection.execute(query).scalar() or DEFAULT_RULE)

    def rows(self) -> Iterator[LabelRow]:
        """Current labels in path order, of images that still exist."""
        current = self.deciding()
        query = select(image.c.id, image.c.path, image.c.content_hash).where(image.c.state == "ready")
        with self._database.reading() as connection:
            ready = connection.execute(query.order_by(image.c.path).execution_options(yield_per=PAGE))
            for image_id, path, content_hash in ready:
                if said := current.get(image_id):
                    values = (said.label, said.annotator, said.source, said.created_at)
                    yield LabelRow(path, *values, content_hash)

    def verdicts(self) -> dict[int, Statement]:
        """By image id, the current labels that are a person's verdict on the image as it is now."""
        judged = (
            select(label_event.c.id)
            .join(image, image.c.id == label_event.c.image_id)
            .where(label_event.c.source.startswith(VERDICT))
            .where(image.c.content_hash == label_event.c.content_hash)
        )
        with self._database.reading() as connection:
            events = set(connection.execute(judged).scalars())
        return {image_id: said for image_id, said in self.deciding().items() if said.event in events}

    def declined(self, source: str) -> set[int]:
        """Ids of the images of which some annotator's last word is no label, with such a source."""
        query = select(label_event.c.image_id).where(
            label_event.c.id.in_(last_words(standing())),
            label_event.c.label.is_(None),
            label_event.c.source == source,
        )
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def as_of(self, event: int) -> dict[int, str]:
        """By image id, the labels as they were after that many events."""
        return {image_id: said.label for image_id, said in self.deciding(event).items()}

    def changed_since(self) -> int:
        """How many labelled images have other contents now than when they were labelled."""
        query = select(image.c.id, image.c.content_hash).where(image.c.state == "ready")
        current = self.deciding()
        with self._database.reading() as connection:
            ready = connection.execute(query.execution_options(yield_per=PAGE))
            return sum(i in current and current[i].content_hash != content for i, content in ready)

    def coded(self, image_ids: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], list[str]]:
        """Labels of these images as codes int [n] (-1 where there is none), and the sorted class names."""
        current = self.deciding()
        present = [current[i].label if i in current else None for i in image_ids.tolist()]
        names = sorted({label for label in present if label is not None})
        code: dict[str | None, int] = {name: index for index, name in enumerate(names)}
        code[None] = -1
        return np.array([code[label] for label in present], dtype=np.int64), names

    def annotations(
        self, image_ids: npt.NDArray[np.int64], names: Sequence[str]
    ) -> tuple[npt.NDArray[np.int64], list[str]]:
        """What each annotator says of these images as codes int [n, annotators], and the annotators' names.

        -1 where one said nothing, or said what is not among the class names.
        """
        said = self.statements()
        row = {image_id: place for place, image_id in enumerate(image_ids.tolist())}
        annotators = sorted({each.annotator for each in said if each.image_id in row})
        column = {name: place for place, name in enumerate(annotators)}
        code = {name: place for place, name in enumerate(names)}
        codes = np.full((len(row), len(annotators)), -1, np.int64)
        for each in said:
            if each.image_id in row:
                codes[row[each.image_id], column[each.annotator]] = code.get(each.label, -1)
        return codes, annotators


def consensus_statements(said: Sequence[Statement], rule: str) -> list[Statement]:
    """The statement that carries the consensus of each image.

    Verdicts outvote what was said without a look at the label in question, and both outvote folder names. Not
    so where simply the last word counts.
    """
    if len({each.image_id for each in said}) == len(said):
        return list(said)
    if rule != "last":
        best: dict[int, int] = {}
        for each in said:
            best[each.image_id] = max(_weight(each), best.get(each.image_id, 0))
        said = [each for each in said if _weight(each) == best[each.image_id]]
    rows = np.array([each.image_id for each in said], np.int64)
    annotators, labels = (_codes([getattr(each, name) for each in said]) for name in ("annotator", "label"))
    return [said[place] for place in deciding_statements(rows, annotators, labels, rule=rule).tolist()]


def _weight(said: Statement) -> int:
    return 2 if said.source.startswith(VERDICT) else int(said.source != FOLDERS)


def _codes(names: Sequence[str]) -> npt.NDArray[np.int64]:
    """A number for each name, in the order of the names: who speaks first makes no difference."""
    code = {name: place for place, name in enumerate(sorted(set(names)))}
    return np.array([code[name] for name in names], np.int64)


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


def last_event(connection: Connection) -> int:
    """The number of the newest event in the log; 0 before the first."""
    return int(connection.execute(select(func.max(label_event.c.id))).scalar() or 0)


def timestamp() -> str:
    """Now, as the log writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def labels_digest(
    image_ids: npt.NDArray[np.int64], codes: npt.NDArray[np.int64], names: Sequence[str]
) -> str:
    """One hash over who is labelled what: changes when any current label does."""
    running = hashlib.sha256("\0".join(names).encode())
    running.update(np.ascontiguousarray(image_ids).tobytes())
    running.update(np.ascontiguousarray(codes).tobytes())
    return running.hexdigest()
