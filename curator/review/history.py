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
        if self.said.label is None:
            return None
        return CurrentLabel(self.said.label, self.said.source, self.said.annotator)


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


def restated(change: Change, annotator: str) -> LabelEvent:
    """The event after which the image's current label is what it was before the change.

    The log only grows. What was said before is said again in the name of who said it, so that a verdict taken
    back is a verdict no more; where there was no label, this annotator withdraws.
    """
    image_id, before = change.said.image_id, change.before
    if before is None:
        return LabelEvent(image_id, None, annotator, "review:undo")
    return LabelEvent(image_id, before.label, before.annotator, before.source)
