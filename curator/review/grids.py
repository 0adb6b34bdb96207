"""Grid mode: images that are probably of one class, to be accepted at once, chosen so that they teach."""

from collections.abc import Callable, Sequence

import numpy as np

from curator.review.advice import Advice
from curator.review.session import Ids, Session

TILES = 24
SURE = 0.6  # probability from which on an image is quicker judged among others than alone
_LABELS_PER_CLASS = 2  # until then, what is proposed is worth little


def alike(session: Session, advice: Advice, best: Sequence[int], free: Callable[[int], bool]) -> list[int]:
    """The first of some rows whose proposed class is probable, and those of the ranking that share it.

    These are the images whose labels teach most, from all over the data: look-alikes of one image, or what
    the soft labels are sure of, are quickly accepted too, but hardly change what is known of the others. An
    image that is probably of another class than proposed costs a click here and a look of its own after that:
    where there are only such, the first comes alone, as does every image while few labels are known.

    Args:
        session: the labels.
        advice: probabilities and ranking.
        best: rows, best first.
        free: whether a row may be shown.

    """
    shares = advice.probabilities
    if shares is None or not _known_enough(session):
        return list(best[:1])
    probable = [row for row in best if shares[row].max() >= SURE]
    if not probable:
        return list(best[:1])
    guess, ranked = int(shares[probable[0]].argmax()), advice.ranking
    near: Ids = ranked[(shares[ranked].argmax(axis=1) == guess) & (shares[ranked, guess] >= SURE)]
    others = [int(row) for row in near if row != probable[0] and session.open(int(row)) and free(int(row))]
    return [probable[0], *others[: TILES - 1]]


def _known_enough(session: Session) -> bool:
    counts = session.counts()
    classes = len(np.flatnonzero(counts))
    return classes > 1 and int(counts.sum()) >= _LABELS_PER_CLASS * classes
