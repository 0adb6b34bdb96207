"""One sitting: who is labelling what, row by row, and what the people at the page do about it."""

import threading
from collections.abc import Callable, Collection, Sequence

import numpy as np
import numpy.typing as npt

from curator.errors import CuratorError
from curator.jobs.state import State, load_state
from curator.review.clients import Client, PerClient
from curator.review.history import History, Undone
from curator.store.catalog import ImageRow
from curator.store.labels import VERDICT, CurrentLabel, LabelEvent
from curator.store.workspace import Workspace

LABEL_SOURCE = "review"
UNSURE_SOURCE = "review:unsure"
VERDICT_SOURCE = f"{VERDICT}review"
AMBIGUOUS_SOURCE = f"{VERDICT}review:ambiguous"
NO_CLASS_SOURCE = f"{VERDICT}review:none"
SOURCES = (LABEL_SOURCE, UNSURE_SOURCE, VERDICT_SOURCE, AMBIGUOUS_SOURCE, NO_CLASS_SOURCE)
_LONGEST_NAME = 200  # characters of a class name

Ids = npt.NDArray[np.int64]


class Session:
    """Labels of one workspace as they are now. Every statement is stored before it counts here.

    Attributes:
        state: embeddings and graph; its labels are those at the start.
        labels: codes into `names`, int64 [n], -1 where unlabelled.
        names: the classes; new ones come last, so that codes stay what they are.
        set_aside: rows that somebody could not or would not label: they are not asked for again.

    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._version = workspace.labels.version()  # before all else: what comes meanwhile is read again
        self._began = self._version.event
        self.state: State = load_state(workspace)
        self.labels: Ids = self.state.labels.copy()
        self.names: list[str] = list(self.state.names)
        self._current = workspace.labels.current()
        declined = workspace.labels.declined(UNSURE_SOURCE, NO_CLASS_SOURCE)
        open_rows = np.isin(self.state.image_ids, sorted(declined)) & (self.labels < 0)
        self.set_aside: set[int] = set(np.flatnonzero(open_rows).tolist())
        self._histories = PerClient(History)
        self._watchers: list[Callable[[Ids], None]] = []
        self._lock = threading.RLock()

    @property
    def n(self) -> int:
        """How many images there are."""
        return len(self.labels)

    def watch(self, told: Callable[[Ids], None]) -> None:
        """Call `told` with the rows of each change, after it is stored."""
        self._watchers.append(told)

    def row(self, image_id: object) -> int:
        """The row of an image; CuratorError where there is none of that id."""
        if isinstance(image_id, bool) or not isinstance(image_id, int):
            raise CuratorError("wanted the id of an image, a whole number")
        row = self.find(image_id)
        if row is None:
            raise CuratorError(f"there is no image {image_id} in this workspace")
        return row

    def rows(self, image_ids: object) -> list[int]:
        """The rows of images; CuratorError where it is no list of ids, or an empty one."""
        if not isinstance(image_ids, list) or not image_ids:
            raise CuratorError("wanted ids, a list of images")
        return [self.row(image_id) for image_id in image_ids]

    def find(self, image_id: int) -> int | None:
        """The row of an image; None where it has none, such as one that is not embedded."""
        row = int(self.state.rows_of(np.array([image_id]))[0]) if abs(image_id) < 2**62 else -1
        return None if row < 0 else row

    def ids(self, rows: Sequence[int]) -> list[int]:
        """The ids of the images at these rows."""
        return [int(image_id) for image_id in self.state.image_ids[np.asarray(rows, np.int64)]]

    def image(self, row: int) -> ImageRow:
        """The image at a row."""
        return self.state.images(np.array([row]))[0]

    def label_of(self, row: int) -> CurrentLabel | None:
        """What an image is labelled now."""
        return self._current.get(int(self.state.image_ids[row]))

    def open(self, row: int) -> bool:
        """Whether an image is still to be labelled."""
        return bool(self.labels[row] < 0) and row not in self.set_aside

    def counts(self) -> Ids:
        """How many images have each class, int64 [C]."""
        return np.bincount(self.labels[self.labels >= 0], minlength=len(self.names))

    def say(self, client: Client, action: str, rows: Sequence[int], label: str | None, source: str) -> None:
        """Store one statement about some images; the same action of the same client counts once."""
        if label is not None:
            label = checked_name(label)
        with self._lock:
            history = self._histories.of(client)
            if action and action in history.recent:
                return
            events = [LabelEvent(image_id, label, client.annotator, source) for image_id in self.ids(rows)]
            self._store(events)
            history.recent.append(action)
            history.remember(events)

    def undo(self, client: Client) -> list[int]:
        """Take back the client's last action, or what its annotator said on the page before this sitting.

        Returns the rows of which it was still the annotator's last word.
        """
        with self._lock:
            history, log = self._histories.of(client), self.workspace.history
            taken: list[LabelEvent] = []
            while history.done and not taken:  # of what was taken back elsewhere, nothing is left to take
                taken = log.take_back(history.done.pop())
            taken = taken or log.take_back_before(self._began, client.annotator, SOURCES)
            image_ids = [each.image_id for each in taken]
            self._refresh(image_ids)
            if taken:
                history.undone.append(Undone(taken, [self._current.get(image_id) for image_id in image_ids]))
            return self._rows(image_ids)

    def redo(self, client: Client) -> list[int]:
        """Do again what the client took back last, of images of which nobody spoke since."""
        with self._lock:
            history = self._histories.of(client)
            if not history.undone:
                return []
            undone = history.undone.pop()
            before = zip(undone.events, undone.left, strict=True)
            events = [said for said, left in before if self._current.get(said.image_id) == left]
            self._store(events)
            history.done.append(events)
            return self._rows([said.image_id for said in events])

    def catch_up(self) -> None:
        """Take in what others have said: another page, a file imported, an undo in the terminal."""
        labels = self.workspace.labels
        version = labels.version()
        if version == self._version:
            return
        touched = labels.touched(self._version)
        found = labels.current(touched)  # may be much: clicks go on meanwhile
        ids = found.keys() | self._current.keys() if touched is None else touched
        declined = labels.declined(UNSURE_SOURCE, NO_CLASS_SOURCE, image_ids=touched)
        with self._lock:
            lately = labels.spoken_of(version.event)  # while this was read
            self._take(ids - lately, found, declined)
            self._refresh(lately)
            self._version = version

    def _store(self, events: Sequence[LabelEvent]) -> None:
        """To the log first, which is on disk when this returns; then to all who look."""
        self.workspace.labels.append(events)
        self._refresh([said.image_id for said in events])

    def _refresh(self, image_ids: Collection[int]) -> None:
        """Read what these images are labelled now: others may have a say in it."""
        if image_ids:
            labels = self.workspace.labels
            declined = labels.declined(UNSURE_SOURCE, NO_CLASS_SOURCE, image_ids=image_ids)
            self._take(image_ids, labels.current(image_ids), declined)

    def _take(
        self, image_ids: Collection[int], found: dict[int, CurrentLabel], declined: Collection[int]
    ) -> None:
        """What images are labelled now, to all who look; the declined without a label are set aside."""
        rows = {row: image_id for image_id in image_ids if (row := self.find(image_id)) is not None}
        changed = [row for row, image_id in rows.items() if self._differs(row, found.get(image_id), declined)]
        for row in changed:
            label = found.get(rows[row])
            if label is None:
                self._current.pop(rows[row], None)
            else:
                self._current[rows[row]] = label
            self.labels[row] = self._code(None if label is None else label.label)
            aside = label is None and rows[row] in declined
            (self.set_aside.add if aside else self.set_aside.discard)(row)
        for told in self._watchers if changed else ():
            told(np.asarray(changed, np.int64))

    def _differs(self, row: int, label: CurrentLabel | None, declined: Collection[int]) -> bool:
        aside = label is None and int(self.state.image_ids[row]) in declined
        return label != self.label_of(row) or aside != (row in self.set_aside)

    def _rows(self, image_ids: Sequence[int]) -> list[int]:
        return [row for image_id in image_ids if (row := self.find(image_id)) is not None]

    def _code(self, label: str | None) -> int:
        if label is None:
            return -1
        if label not in self.names:
            self.names.append(label)
        return self.names.index(label)


def checked_name(name: object, of: str = "class") -> str:
    """A name that a person typed; CuratorError where it cannot be one."""
    if not isinstance(name, str) or not name.strip():
        raise CuratorError(f"the name of the {of} is missing")
    stripped = name.strip()
    if len(stripped) > _LONGEST_NAME:
        raise CuratorError(f"the name of the {of} has more than {_LONGEST_NAME} characters")
    if not stripped.isprintable():
        raise CuratorError(f"the name of the {of} holds control characters")
    return stripped
