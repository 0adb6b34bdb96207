"""Images that others have labelled, given to an annotator in between, so that agreement can be measured."""

import numpy as np

from curator.review.session import Session


class Overlap:
    """One client's share of such images: of all it answers, `share` are of them, in random order."""

    def __init__(self, session: Session, share: float) -> None:
        self._session, self._share = session, share
        self._pool: list[int] = []
        self._answered = self._shared = 0
        self.due: int | None = None  # the row that is asked next

    def next(self, annotator: str) -> list[int]:
        """The row that is due, until it is answered or passed over; none where it is not its turn."""
        if self.due is None and self._shared < self._share * (self._answered + 1):
            self._pool = self._pool or self._drawn(annotator)
            self.due = self._pool.pop() if self._pool else None
        return [] if self.due is None else [self.due]

    def answered(self, rows: list[int]) -> None:
        """Count answers; what was due is no more."""
        self._answered += len(rows)
        self._shared += self.due in rows
        self.passed_over(rows)

    def passed_over(self, rows: list[int]) -> None:
        """Ask about another one in its turn."""
        self.due = None if self.due in rows else self.due

    def _drawn(self, annotator: str) -> list[int]:
        ids = sorted(self._session.workspace.labels.labelled_by_others(annotator))
        rows = [row for image_id in ids if (row := self._session.find(image_id)) is not None]
        return [int(row) for row in np.random.default_rng(self._answered).permutation(rows)]
