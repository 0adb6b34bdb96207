"""Who labelled which image what: an append-only log, and what stands of it."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import func, insert, select

from curator.annotators import DEFAULT_RULE, WEIGHED_RULES, deciding_statements
from curator.store._label_log import about, last_event, last_words, standing, timestamp
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


class Version(NamedTuple):
    """The newest event of the log, and the rule of consensus: what current labels are made from."""

    event: int
    rule: str


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

    def _words(self, until: int | None = None, image_ids: Collection[int] | None = None) -> list[Statement]:
        """`statements`, and the verdicts that an image is of no class; of all images, or of these."""
        kept = label_event.c.label.is_not(None) | label_event.c.source.startswith(VERDICT)
        query = select(
            label_event.c.id,
            label_event.c.image_id,
            func.coalesce(label_event.c.label, _NO_CLASS),
            label_event.c.annotator,
            label_event.c.source,
            label_event.c.content_hash,
            label_event.c.created_at,
        ).where(kept)
        words: list[Statement] = []
        with self._database.reading() as connection:
            for chosen in about(image_ids):
                said = query.where(label_event.c.id.in_(last_words(standing(until), chosen)))
                words += (Statement(*row) for row in connection.execute(said.order_by(label_event.c.id)))
        return words

    def current(self, image_ids: Collection[int] | None = None) -> dict[int, CurrentLabel]:
        """The current label of each labelled image, by image id; of all images, or of these."""
        deciding = self.deciding() if image_ids is None else self._deciding_of(image_ids)
        return {
            image_id: CurrentLabel(said.label, said.source, said.annotator)
            for image_id, said in deciding.items()
        }

    def version(self) -> Version:
        """What current labels depend on: while it is the same, so are they. Costs a look at two indexes."""
        with self._database.reading() as connection:
            newest = last_event(connection)
        return Version(newest, self.rule())

    def touched(self, since: Version) -> set[int] | None:
        """Ids of the images whose current label may have changed; None where any may have."""
        now = self.version()
        if now.rule != since.rule or (now != since and now.rule in WEIGHED_RULES):
            return None
        return self.spoken_of(since.event)

    def spoken_of(self, since: int) -> set[int]:
        """Ids of the images of which anything was said, or taken back, after that event."""
        query = select(label_event.c.image_id).where(label_event.c.id > since).distinct()
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def _deciding_of(self, image_ids: Collection[int]) -> dict[int, Statement]:
        """`deciding` of some images, without a look at the others where the rule needs none."""
        words = self._words(image_ids=image_ids)
        rule, judged = self.rule(), {said.image_id for said in words}
        if rule in WEIGHED_RULES and len(judged) < len(words):
            whole = self.deciding()
            return {image_id: whole[image_id] for image_id in judged if image_id in whole}
        agreed = consensus_statements(words, rule)
        return {said.image_id: said for said in agreed if said.label != _NO_CLASS}

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

    def declined(self, *sources: str, image_ids: Collection[int] | None = None) -> set[int]:
        """Ids of the images, of all or of these, of which some annotator's last word is no label.

        Only words with one of these sources count.
        """
        declining = label_event.c.label.is_(None) & label_event.c.source.in_(sources)
        found: set[int] = set()
        with self._database.reading() as connection:
            for chosen in about(image_ids):
                said = label_event.c.id.in_(last_words(standing(), chosen)) & declining
                found.update(connection.execute(select(label_event.c.image_id).where(said)).scalars())
        return found

    def labelled_by_others(self, annotator: str) -> set[int]:
        """Ids of the images that other people gave a label, and of which this annotator said nothing."""
        last = label_event.c.id.in_(last_words(standing()))
        by_hand = label_event.c.label.is_not(None) & (label_event.c.source != FOLDERS)
        query = select(label_event.c.image_id, label_event.c.annotator).where(last)
        with self._database.reading() as connection:
            known = connection.execute(query.where(by_hand | (label_event.c.annotator == annotator))).all()
        own = {row.image_id for row in known if row.annotator == annotator}
        return {row.image_id for row in known} - own

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
