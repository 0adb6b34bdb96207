"""Images that others have labelled, given to an annotator in between, so that agreement can be measured."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from curator.review.clients import Client, PerClient
from curator.review.session import Ids, Session

_DRAWN = (
    8  # at a time, each hidden from then on: the last of them for 8 / share answers before it is asked about
)


@dataclass
class _Tab:
    waiting: list[int] = field(default_factory=list)  # rows that are drawn and not judged, the next one first
    answered: int = 0
    shared: int = 0  # of the answers, those about such images


class Overlaps:
    """Of all images that a client answers, `share` are such as others have labelled, in random order.

    An image that an annotator is to judge by sight is shown with its label in no mode, from when it is drawn
    until it is judged. All other labels show: by them people learn what the classes mean.
    """

    def __init__(self, session: Session, share: float) -> None:
        self._session, self._share = session, share
        self._tabs = PerClient(_Tab)

    def next(self, client: Client) -> list[int]:
        """The row whose turn it is, until it is answered or passed over; none where it is no such row's."""
        tab = self._tabs.of(client)
        if tab.shared >= self._share * (tab.answered + 1):
            return []
        tab.waiting = tab.waiting or self._drawn(client)
        return tab.waiting[:1]

    def ask(self, client: Client, rows: Sequence[int]) -> None:
        """These rows show for another reason: those that others labelled the client judges by sight, too."""
        if self._share:
            tab = self._tabs.of(client)
            others = [row for row in tab.waiting if row not in rows]
            tab.waiting = [*(row for row in rows if self._session.labels[row] >= 0), *others]

    def answered(self, client: Client, rows: Sequence[int]) -> None:
        """Count answers: these rows wait no more, in no tab of the annotator's."""
        tab = self._tabs.of(client)
        tab.answered += len(rows)
        tab.shared += len(self.hidden(client).intersection(rows))
        for each in self._tabs_of(client):
            each.waiting = [row for row in each.waiting if row not in rows]

    def passed_over(self, client: Client, rows: Sequence[int]) -> None:
        """Ask about the others that wait first."""
        tab = self._tabs.of(client)
        tab.waiting = sorted(tab.waiting, key=lambda row: row in rows)

    def hidden(self, client: Client) -> set[int]:
        """The rows that this client's annotator is still to judge, in any tab."""
        return {row for each in self._tabs_of(client) for row in each.waiting}

    def labels(self, client: Client) -> Ids:
        """The labels that a client may see, int64 [n]: -1 where there is none, and where it is hidden."""
        hidden = sorted(self.hidden(client))
        if not hidden:
            return self._session.labels
        labels = self._session.labels.copy()
        labels[hidden] = -1
        return labels

    def _tabs_of(self, client: Client) -> list[_Tab]:
        return [tab for other, tab in self._tabs.all() if other.annotator == client.annotator]

    def _drawn(self, client: Client) -> list[int]:
        ids, hidden = self._session.workspace.labels.labelled_by_others(client.annotator), self.hidden(client)
        rows = [row for image_id in sorted(ids) if (row := self._session.find(image_id)) is not None]
        drawn = np.random.default_rng(self._tabs.of(client).answered).permutation(rows)
        return [int(row) for row in drawn if row not in hidden][:_DRAWN]
