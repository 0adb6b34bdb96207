"""What other encoders that a workspace has embeddings of make of a label."""

from contextlib import suppress

import numpy as np
import numpy.typing as npt

from curator.audits.explanations import Explanation, explain
from curator.errors import MissingWorkError
from curator.jobs.encoders import other_encoders
from curator.jobs.state import State, load_state
from curator_indexes.errors import DamagedFileError

Ids = npt.NDArray[np.int64]


def second_opinions(state: State, rows: Ids) -> list[str]:
    """For each row: at which numbers of neighbours another label leads, encoder by encoder; maybe empty.

    An encoder whose embeddings are older than the current ones speaks of the images that it has seen. Those
    that were fine-tuned on these labels are not asked.
    """
    said: list[list[str]] = [[] for _ in rows]
    for fingerprint, name in other_encoders(state.workspace):
        with suppress(MissingWorkError, DamagedFileError):  # no whole graph of its own
            other = load_state(state.workspace, fingerprint)
            for place, found in _explained(other, state.image_ids[rows]).items():
                if found.majorities:
                    said[place].append(f"by {name} {leading_elsewhere(found, int(other.labels[found.row]))}")
    return ["; ".join(each) for each in said]


def leading_elsewhere(found: Explanation, given: int) -> str:
    """At which of the numbers of neighbours looked at another label than the given one leads."""
    against = [str(k) for k, label in found.majorities.items() if label != given]
    return f"at k = {', '.join(against) or 'none'} of {', '.join(map(str, found.majorities))}"


def _explained(other: State, image_ids: Ids) -> dict[int, Explanation]:
    """What the neighbours say of the images that the encoder has seen, by their place among `image_ids`."""
    rows = other.rows_of(image_ids)
    seen = np.flatnonzero(rows >= 0)
    return dict(zip(seen.tolist(), explain(other.graph, other.labels, rows[seen]), strict=True))
