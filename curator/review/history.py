"""What was said in this sitting, so that it can be taken back: any number of steps, each client its own."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from curator.store.labels import CurrentLabel, LabelEvent


@dataclass(frozen=True)
class Undone:
    """An action that was taken back, and the labels that its images had then."""

    events: Sequence[LabelEvent]
    left: Sequence[CurrentLabel | None]


@dataclass
class History:
    """The actions of one client, and those it has taken back; `recent` are names of actions."""

    done: list[Sequence[LabelEvent]] = field(default_factory=list)
    undone: list[Undone] = field(default_factory=list)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=100))

    def remember(self, events: Sequence[LabelEvent]) -> None:
        """A new action: what was taken back before it can no longer be done again."""
        self.done.append(events)
        self.undone.clear()
