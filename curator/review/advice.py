"""Soft labels and ranking, kept up with the labels by a thread of its own: no click waits for them."""

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from curator.errors import CuratorError
from curator.propagation import SoftLabels, propagate
from curator.propagation.calibration import ENOUGH_LABELS
from curator.queries import ExpectedGain, expected_gain, query, usable
from curator.review.session import Ids, Session

RANKED = 200  # images ahead
GAIN_OF = 50  # labels whose expected gain is told
_SPARE = 12  # classes that may come up before a new solve
_GROWN = 1.25  # from this many times as many labels on, calibration and classifier are fitted anew
_IMAGES_A_LABEL = 2_000  # for each so many images, a label more until then
_MOST_JUDGED = 200_000  # images up to which the gain is worked out: beyond, it takes minutes
_GAIN_EVERY = 25  # labels
_IDLE = 1.5  # seconds without a label, after which there is time for what takes long

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Advice:
    """What is known of all images at one moment.

    Attributes:
        probabilities: float32 [n, C'], C' at least the number of classes; None before the first label.
        confidence: float32 [n]; None before the first label.
        ranking: rows to label next, best first, int64 [b].
        reasons: why, a sentence for each, [b], in which {class_3} stands for the name of class 3.
        strategy: what ranked them.
        accuracy: mean calibrated confidence over unlabelled images; None where it is not measured yet.
        gain: what further labels should add; None where it is not known.
        round: counts the advices.

    """

    probabilities: npt.NDArray[np.float32] | None = None
    confidence: npt.NDArray[np.float32] | None = None
    ranking: Ids = field(default_factory=lambda: np.empty(0, np.int64))
    reasons: tuple[str, ...] = ()
    strategy: str = ""
    accuracy: float | None = None
    gain: ExpectedGain | None = None
    round: int = 0


class Advisor:
    """Follows a session: `advice` is always whole, if a moment old."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._soft: SoftLabels | None = None
        self._solved_with = 0  # labels at the last full solve
        self._judged_with = -_GAIN_EVERY  # labels at the last look at the gain
        self._pending: set[int] = set()
        self._wake = threading.Condition()
        self._stopped = False
        self.advice = Advice()
        session.watch(self._note)
        self._thread = threading.Thread(target=self._run, name="advisor", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """End after the step under way."""
        with self._wake:
            self._stopped = True
            self._wake.notify_all()

    def wait(self, round_: int, seconds: float) -> Advice:
        """The advice, once there is one of at least that round, or what there is when the time is up."""
        with self._wake:
            self._wake.wait_for(lambda: self.advice.round >= round_ or self._stopped, seconds)
            return self.advice

    def unknown(self, counts: Ids) -> str:
        """Why no accuracy is known, or from when on it will be; `counts` are the labels of each class."""
        labels, soft = int(counts.sum()), self._soft
        if labels == self._session.n:
            return "every image has a label"
        if labels < ENOUGH_LABELS:
            return f"known from about {ENOUGH_LABELS} labels on"
        if (counts > 0).sum() < 2:
            return "known from the second class on"
        if counts[counts > 1].sum() < ENOUGH_LABELS:
            return f"known once {ENOUGH_LABELS} labels are of classes with two or more"
        if soft is None or soft.calibrated or labels >= self._next_solve():
            return "being worked out"
        return f"known from about {self._next_solve():,} labels on"

    def _note(self, rows: Ids) -> None:
        with self._wake:
            self._pending.update(rows.tolist())
            self._wake.notify_all()

    def _run(self) -> None:
        self._attempt(lambda: self._advise(np.empty(0, np.int64)))
        while True:
            with self._wake:
                unsettled = self._soft is not None and not self._soft.settled
                self._wake.wait_for(lambda: self._pending or self._stopped, _IDLE if unsettled else None)
                if self._stopped:
                    return
                rows = np.array(sorted(self._pending), np.int64)
                self._pending.clear()
            self._attempt((lambda rows=rows: self._advise(rows)) if len(rows) else self._settle)  # type: ignore[misc]

    def _settle(self) -> None:
        """Where the person pauses: spread to the end what the updates left, on every image."""
        if self._soft is not None:
            self._soft.settle()
            self._publish(self._session.labels.copy())

    def _attempt(self, step: Callable[[], None]) -> None:
        """Advice that fails must not end the sitting: labels are stored without it."""
        try:
            step()
        except Exception:
            logger.exception("the ranking could not be brought up to date")
            self._soft = None

    def _advise(self, rows: Ids) -> None:
        session = self._session
        labels, classes = session.labels.copy(), len(session.names)
        self._follow(rows, labels, classes)
        self._publish(labels)
        self._rank(labels, classes)
        self._judge(labels, classes)

    def _follow(self, rows: Ids, labels: Ids, classes: int) -> None:
        """Bring the soft labels up to date: by the difference where that is enough."""
        count = int((labels >= 0).sum())
        if not count:
            self._soft = None
        elif self._soft is None or classes > self._soft.n_classes or self._outgrown(count):
            state = self._session.state
            spare = classes + _SPARE
            self._soft = propagate(state.graph, labels, embeddings=state.embeddings, n_classes=spare)
            self._solved_with = count
        elif len(rows):
            self._soft.update(rows, labels[rows])

    def _outgrown(self, count: int) -> bool:
        """Whether so many labels are new that all is solved again: more of them, the longer that takes."""
        return count >= self._next_solve()

    def _next_solve(self) -> int:
        return math.ceil(_GROWN * self._solved_with + self._session.n // _IMAGES_A_LABEL)

    def _publish(self, labels: Ids) -> None:
        soft, accuracy = self._soft, None
        if soft is not None and soft.calibrated and (labels < 0).any():
            accuracy = soft.mean_confidence
        self._tell(
            replace(
                self.advice,
                probabilities=None if soft is None else soft.probabilities,
                confidence=None if soft is None else soft.confidence,
                accuracy=accuracy,
            )
        )

    def _rank(self, labels: Ids, classes: int) -> None:
        open_rows = np.flatnonzero(labels < 0)
        open_rows = open_rows[~np.isin(open_rows, list(self._session.set_aside))]
        if not len(open_rows):
            self._tell(replace(self.advice, ranking=open_rows, reasons=(), round=self.advice.round + 1))
            return
        state = self._session.state
        found = query(
            state.graph,
            labels,
            min(RANKED + self._in_hands(), len(open_rows)),
            embeddings=state.embeddings,
            n_classes=classes or None,
            candidates=open_rows,
            soft=self._soft,
        )
        self._tell(
            replace(
                self.advice,
                ranking=found.ids,
                reasons=tuple(found.reasons),
                strategy=found.strategy,
                round=self.advice.round + 1,
            )
        )

    def _in_hands(self) -> int:
        """How many images are on somebody's list: as many more are ranked, to leave enough for the others."""
        return self._session.workspace.assignments.count()

    def _judge(self, labels: Ids, classes: int) -> None:
        """Look at the gain, where enough labels are new and nothing more urgent waits."""
        count = int((labels >= 0).sum())
        if self._pending or count < self._judged_with + _GAIN_EVERY or len(labels) > _MOST_JUDGED:
            return
        self._judged_with = count
        if len(usable(labels)) and (labels < 0).any():
            try:
                gain = expected_gain(self._session.state.graph, labels, more=GAIN_OF, n_classes=classes)
            except CuratorError:  # too few labels after all
                return
            self._tell(replace(self.advice, gain=gain))

    def _tell(self, advice: Advice) -> None:
        with self._wake:
            self.advice = advice
            self._wake.notify_all()
