"""What was said in this sitting, so that it can be taken back: any number of steps, each client its own."""

from collections import deque
from dataclasses import dataclass, field

from curator.store.labels import CurrentLabel, LabelEvent


@dataclass(frozen=True)
class Change:
    """One image's label before and after an action; `said` is the event that made it."""

    row: int
    before: CurrentLabel | None
    said: LabelEvent

    @property
    def after(self) -> CurrentLabel | None:
        """The current label that the event made."""
        return current_after(self.said)


Action = tuple[Change, ...]


@dataclass
class History:
    """The actions of one client, and those it has taken back; `recent` are names of actions."""

    done: list[Action] = field(default_factory=list)
    undone: list[Action] = field(default_factory=list)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=100))

    def remember(self, action: Action) -> None:
        """A new action: what was taken back before it can no longer be done again."""
        self.done.append(action)
        self.undone.clear()


def current_after(said: LabelEvent) -> CurrentLabel | None:
    """The current label that an event makes."""
    return None if said.label is None else CurrentLabel(said.label, said.source, said.annotator)
