"""The modes of the page, by the ids that the page knows them by."""

from curator.review.advice import Advisor
from curator.review.classes import Classes
from curator.review.doubts import Doubts
from curator.review.grid import Grid
from curator.review.label import Label
from curator.review.labeling import Labeling
from curator.review.map import Map
from curator.review.mode import Mode
from curator.review.overlaps import Overlaps
from curator.review.search import Search
from curator.review.session import Session


def make_modes(session: Session, advisor: Advisor, labeling: Labeling, overlaps: Overlaps) -> dict[str, Mode]:
    """Every mode of a sitting; `static/modes.js` lists the same ids."""
    doubts = Doubts(session, overlaps)
    return {
        "label": Label(session, labeling, overlaps),
        "grid": Grid(session, labeling, overlaps),
        "doubts": doubts,
        "map": Map(session, advisor, doubts, overlaps),
        "search": Search(session, advisor, overlaps),
        "classes": Classes(session, labeling, overlaps),
    }
