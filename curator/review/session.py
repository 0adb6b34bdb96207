"""One sitting: who is labelled what, row by row, and what the person at the page does about it."""

import threading
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from curator.errors import CuratorError
from curator.jobs.state import State, load_state
from curator.review.history import Action, Change, History, current_after
from curator.store.catalog import ImageRow
from curator.store.labels import VERDICT, CurrentLabel, LabelEvent
from curator.store.workspace import Workspace

LABEL_SOURCE = "review"
UNSURE_SOURCE = "review:unsure"
NO_CLASS_SOURCE = f"{VERDICT}review:none"
_LONGEST_NAME = 200  # characters of a class name
_MOST_CLIENTS = 1000  # whose histories are kept

Ids = npt.NDArray[np.int64]


class Session:
    """Labels of one workspace as they are now. Every statement is stored before it counts here.

    Attributes:
        state: embeddings and graph; its labels are those at the start.
        labels: codes into `names`, int64 [n], -1 where unlabelled.
        names: the classes; new ones come last, so that codes stay what they are.
        set_aside: rows that somebody could not or would not label: they are not asked for again.

    """

    def __init__(self, workspace: Workspace, annotator: str) -> None:
        self.workspace, self.annotator = workspace, annotator
        self.state: State = load_state(workspace)
        self.labels: Ids = self.state.labels.copy()
        self.names: list[str] = list(self.state.names)
        self.set_aside = self._declined()
        self._current = workspace.labels.current()
        self._order = np.argsort(self.state.image_ids)
        self._histories: dict[str, History] = {}
        self._watchers: list[Callable[[Ids], None]] = []
        self._lock = threading.RLock()

    def _declined(self) -> set[int]:
        """Rows that were set aside in earlier sittings, and have no label still."""
        labels = self.workspace.labels
        ids = sorted(labels.declined(UNSURE_SOURCE) | labels.declined(NO_CLASS_SOURCE))
        return set(np.flatnonzero(np.isin(self.state.image_ids, ids) & (self.labels < 0)).tolist())

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
        ids = self.state.image_ids
        place = int(np.searchsorted(ids, image_id, sorter=self._order)) if abs(image_id) < 2**62 else self.n
        if place >= self.n or ids[self._order[place]] != image_id:
            raise CuratorError(f"there is no image {image_id} in this workspace")
        return int(self._order[place])

    def image(self, row: int) -> ImageRow:
        """The image at a row."""
        return self.state.images(np.array([row]))[0]

    def label_of(self, row: int) -> CurrentLabel | None:
        """What an image is labelled now."""
        return self._current.get(int(self.state.image_ids[row]))

    def counts(self) -> Ids:
        """How many images have each class, int64 [C]."""
        return np.bincount(self.labels[self.labels >= 0], minlength=len(self.names))

    def say(self, client: str, action: str, rows: Sequence[int], label: str | None, source: str) -> None:
        """Store one statement about some images; the same action of the same client counts once."""
        if label is not None:
            label = checked_name(label)
        with self._lock:
            history = self._history(client)
            if action and action in history.recent:
                return
            ids = self.state.image_ids[np.asarray(rows, np.int64)].tolist()
            events = [LabelEvent(image_id, label, self.annotator, source) for image_id in ids]
            before = [self._current.get(image_id) for image_id in ids]
            self._store(rows, events)
            history.recent.append(action)
            history.remember(tuple(map(Change, rows, before, events)))

    def undo(self, client: str) -> list[int]:
        """Take back the client's last action; the rows that it was about, where nobody spoke since."""
        with self._lock:
            history = self._history(client)
            return self._replay(history.done, history.undone, back=True)

    def redo(self, client: str) -> list[int]:
        """Do again what the client took back last."""
        with self._lock:
            history = self._history(client)
            return self._replay(history.undone, history.done, back=False)

    def steps(self, client: str) -> tuple[int, int]:
        """How many actions the client can take back, and how many do again."""
        history = self._histories.get(client, History())
        return len(history.done), len(history.undone)

    def _history(self, client: str) -> History:
        while client not in self._histories and len(self._histories) >= _MOST_CLIENTS:
            self._histories.pop(next(iter(self._histories)))
        return self._histories.setdefault(client, History())

    def _replay(self, source: list[Action], target: list[Action], *, back: bool) -> list[int]:
        if not source:
            return []
        changes = [change for change in source[-1] if self._stands(change, back=back)]
        rows, said = [change.row for change in changes], [change.said for change in changes]
        if back:
            self.workspace.history.take_back(said)
            self._show(rows, [change.before for change in changes], set_aside=False)
        else:
            self._store(rows, said)
        target.append(source.pop())
        return rows

    def _stands(self, change: Change, *, back: bool) -> bool:
        """Whether the image is still as this client left it: another's later word is not undone."""
        return self._current.get(change.said.image_id) == (change.after if back else change.before)

    def _store(self, rows: Sequence[int], events: Sequence[LabelEvent]) -> None:
        """To the log first, which is on disk when this returns."""
        self.workspace.labels.append(events)
        self._show(rows, [current_after(event) for event in events], set_aside=True)

    def _show(self, rows: Sequence[int], labels: Sequence[CurrentLabel | None], *, set_aside: bool) -> None:
        """What is stored, to all who look; with `set_aside`, rows without a label are not asked for again."""
        for row, label in zip(rows, labels, strict=True):
            image_id = int(self.state.image_ids[row])
            if label is None:
                self._current.pop(image_id, None)
            else:
                self._current[image_id] = label
            self.labels[row] = self._code(None if label is None else label.label)
            (self.set_aside.add if label is None and set_aside else self.set_aside.discard)(int(row))
        for told in self._watchers:
            told(np.asarray(rows, np.int64))

    def _code(self, label: str | None) -> int:
        if label is None:
            return -1
        if label not in self.names:
            self.names.append(label)
        return self.names.index(label)


def checked_name(name: object) -> str:
    """A class name that a person typed; CuratorError where it cannot be one."""
    if not isinstance(name, str) or not name.strip():
        raise CuratorError("a class needs a name")
    stripped = name.strip()
    if len(stripped) > _LONGEST_NAME:
        raise CuratorError(f"a class name has at most {_LONGEST_NAME} characters")
    if not stripped.isprintable():
        raise CuratorError("a class name holds no control characters")
    return stripped
