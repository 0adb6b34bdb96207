"""The one thing most worth doing now, from what is known of a workspace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Advice", "Situation", "advise"]

FEW_PER_CLASS = 2  # labels: below, classes are missing rather than unsure
TINY_GAIN = 0.003  # of accuracy: what 100 more labels must be expected to add to be worth asking for
ENOUGH_TO_DOUBT = 50  # labels: the doubts about fewer are noise
FEW_DOUBTED = 5  # so many can wait
MANY_DOUBTED = 0.01  # of the labels: more doubts than that come before more labels


@dataclass(frozen=True)
class Situation:
    """What is known of a workspace; None where nobody has looked.

    Attributes:
        embedded: whether embeddings and graph are those of the images as last seen.
        images: readable ones.
        broken: files that could not be read.
        labelled: images with a label.
        classes: how many classes the labels name.
        propagated: whether the propagation knows the newest labels.
        audited: whether the audit knows the newest labels.
        doubted: labels that the last audit doubted.
        conflicts: groups of duplicates under different labels; None where the labels have changed since.
        duplicates_known: whether duplicates of these very images were looked for.
        gain_high: upper end of what 100 more labels should add to accuracy; None with too few labels to say.

    """

    embedded: bool
    images: int = 0
    broken: int = 0
    labelled: int = 0
    classes: int = 0
    propagated: bool = False
    audited: bool = False
    doubted: int | None = None
    conflicts: int | None = None
    duplicates_known: bool = False
    gain_high: float | None = None

    @property
    def unlabelled(self) -> int:
        """Images without a label."""
        return self.images - self.labelled


@dataclass(frozen=True)
class Advice:
    """What to do, as a verb of curator ("nothing" when all is done), and why."""

    action: str
    reason: str


class _Rule(NamedTuple):
    """Advice given where it holds, and no rule before it does."""

    holds: Callable[[Situation], bool]
    action: str
    reason: str


# In the order of urgency: what later steps rest on comes first.
_RULES = (
    _Rule(lambda s: not s.embedded, "embed", "the images have not been read, or have changed since"),
    _Rule(
        lambda s: s.broken * 10 > s.images,
        "faults",
        "{broken:,} files could not be read: mend them first, every later step lacks them",
    ),
    _Rule(lambda s: not s.labelled, "query", "there is no label yet: a few well chosen ones go a long way"),
    _Rule(
        lambda s: bool(s.conflicts),
        "duplicates",
        "{conflicts:,} groups of duplicates under different labels: at most one label of each is right",
    ),
    _Rule(
        lambda s: s.unlabelled > 0 and not s.propagated,
        "propagate",
        "the predictions do not know the newest labels",
    ),
    _Rule(
        lambda s: s.unlabelled > 0 and (s.classes < 2 or s.labelled < FEW_PER_CLASS * s.classes),
        "query",
        "{labelled:,} labels of {classes:,} classes are too few to learn from",
    ),
    _Rule(lambda s: not s.audited, "audit", "{labelled:,} labels, and nobody has doubted them as they stand"),
    _Rule(
        lambda s: (
            s.labelled >= ENOUGH_TO_DOUBT and (s.doubted or 0) > max(FEW_DOUBTED, MANY_DOUBTED * s.labelled)
        ),
        "audit",
        "{doubted:,} labels are in doubt: looking at them is worth more than new ones",
    ),
    _Rule(
        lambda s: not s.duplicates_known,
        "duplicates",
        "nobody has looked for duplicates: they waste labels, and leak into test sets",
    ),
    _Rule(
        lambda s: s.unlabelled > 0 and s.gain_high is not None and s.gain_high < TINY_GAIN,
        "split",
        "100 more labels should add under {points:.1f} points: labelling can stop, data sets can be cut",
    ),
    _Rule(lambda s: s.unlabelled > 0, "query", "{unlabelled:,} images have no label, and more labels help"),
)
_DONE = Advice("nothing", "all images are labelled, and the labels were audited")


def advise(situation: Situation) -> Advice:
    """The one thing most worth doing; the first rule that holds, in the order of urgency."""
    for rule in _RULES:
        if rule.holds(situation):
            facts = vars(situation) | {"unlabelled": situation.unlabelled, "points": 100 * TINY_GAIN}
            return Advice(rule.action, rule.reason.format_map(facts))
    return _DONE
