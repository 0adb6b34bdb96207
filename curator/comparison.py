"""What changed between two tables about the same images."""

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curator.errors import CuratorError
from curator.tables import PATH_COLUMNS, cells

__all__ = ["COLUMNS", "DiffReport", "compare"]

COLUMNS = ["rank", "path", "change", "before", "after", "difference", "id", "reason"]
# The label that each kind of table is about, and the number that goes with it.
_LABELS = ("suggested_label", "predicted_label", "given_label", "label", "split", "fault", "kind", "strategy")
_NUMBERS = ("error_probability", "confidence", "outlier_score", "score", "similarity")
_NOTICED = 0.05  # a number that moves by less is no change


@dataclass(frozen=True)
class DiffReport:
    """How many images are in both tables, changed label, moved in number, came and went.

    `label` and `number` are the columns compared; `mean_difference` is that of the number over common images.
    """

    common: int
    relabelled: int
    moved: int
    appeared: int
    disappeared: int
    label: str | None
    number: str | None
    mean_difference: float | None


def compare(before: pd.DataFrame, after: pd.DataFrame) -> tuple[DiffReport, pd.DataFrame]:
    """Compare two tables, cells as text, image by image.

    Images are the same where path and `id` (content hash) agree; else where the id does, so that a renamed
    image is known; else where the path does. An image with several rows counts with its first.

    Raises:
        CuratorError: a table without a column of paths.

    """
    tables = [_named(table, name) for table, name in ((before, "first"), (after, "second"))]
    names = _shared(tables, _LABELS), _shared(tables, _NUMBERS)
    one, two = (_side(table, *names) for table in tables)
    pairs = _paired(one, two)
    rows = [row for pair in pairs if (row := _change(one, two, pair, names)) is not None]
    rows.sort(key=_urgency)
    frame = cells([{"rank": rank, **row} for rank, row in enumerate(rows, start=1)], COLUMNS)
    moves = np.array([two.numbers[b] - one.numbers[a] for a, b in pairs if a is not None and b is not None])
    counts = {change: int((frame.change == change).sum()) for change in _ORDER}
    mean = float(np.nanmean(moves)) if np.isfinite(moves).any() else None
    return DiffReport(len(moves), **counts, label=names[0], number=names[1], mean_difference=mean), frame


_ORDER = ["relabelled", "moved", "appeared", "disappeared"]
_Pair = tuple[int | None, int | None]


@dataclass(frozen=True, eq=False)
class _Side:
    """One table: for each image its path, its id, its label and its number (NaN where there is none)."""

    paths: list[str]
    ids: list[str]
    labels: list[str]
    numbers: npt.NDArray[np.float64]

    def keys(self, *columns: str) -> list[tuple[str, ...]]:
        """The values of some columns, by row."""
        return list(zip(*(getattr(self, column) for column in columns), strict=True))


def _named(table: pd.DataFrame, name: str) -> pd.DataFrame:
    paths = next((column for column in PATH_COLUMNS if column in table), None)
    if paths is None:
        held = ", ".join(table.columns) or "nothing"
        raise CuratorError(f"the {name} table has no column 'path'; it has: {held}")
    named = table.rename(columns={paths: "path"})
    named["id"] = named.get("id", "")
    return named.drop_duplicates(["path", "id"]).reset_index(drop=True)


def _side(table: pd.DataFrame, label: str | None, number: str | None) -> _Side:
    numbers = np.full(len(table), np.nan)
    if number is not None:
        numbers = pd.to_numeric(table[number], errors="coerce").to_numpy(np.float64)
    labels = [""] * len(table) if label is None else table[label].astype(str).tolist()
    return _Side(table["path"].tolist(), table["id"].tolist(), labels, numbers)


def _shared(tables: list[pd.DataFrame], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if all(name in table for table in tables)), None)


def _paired(before: _Side, after: _Side) -> list[_Pair]:
    """Rows of the same image in both, None where one lacks it."""
    free = dict.fromkeys(range(len(after.paths)))
    partner: dict[int, int] = {}
    for columns in (("paths", "ids"), ("ids",), ("paths",)):
        waiting: dict[tuple[str, ...], deque[int]] = {}
        keys = after.keys(*columns)
        for place in free:
            waiting.setdefault(keys[place], deque()).append(place)
        for place, key in enumerate(before.keys(*columns)):
            if place not in partner and key[-1] and waiting.get(key):
                partner[place] = waiting[key].popleft()
                del free[partner[place]]
    return [
        *((place, partner.get(place)) for place in range(len(before.paths))),
        *((None, place) for place in free),
    ]


def _one_sided(side: _Side, place: int, change: str) -> dict[str, Any]:
    gone = change == "disappeared"
    label = side.labels[place]
    return {
        "path": side.paths[place],
        "change": change,
        "before": label if gone else "",
        "after": "" if gone else label,
        "difference": math.nan,
        "id": side.ids[place],
        "reason": f"only in the {'first' if gone else 'second'} table",
    }


def _change(before: _Side, after: _Side, pair: _Pair, names: tuple[str | None, ...]) -> dict[str, Any] | None:
    """The row of the result for one image; None where nothing changed that is worth a row."""
    one, two = pair
    if one is None or two is None:
        return _one_sided(after, two, "appeared") if two is not None else _gone(before, one)
    label, number = names
    difference = float(after.numbers[two] - before.numbers[one])
    if before.labels[one] != after.labels[two]:
        change = "relabelled"
        reason = f"{label} was {before.labels[one] or 'empty'}, is {after.labels[two] or 'empty'}"
    elif abs(difference) >= _NOTICED:  # False for NaN
        change, reason = "moved", f"{number} changed by {difference:+.3f}"
    else:
        return None
    if before.paths[one] != after.paths[two]:
        reason += f"; was called {before.paths[one]}"
    return {
        "path": after.paths[two],
        "change": change,
        "before": before.labels[one],
        "after": after.labels[two],
        "difference": difference,
        "id": after.ids[two],
        "reason": reason,
    }


def _gone(before: _Side, place: int | None) -> dict[str, Any] | None:
    return None if place is None else _one_sided(before, place, "disappeared")


def _urgency(row: dict[str, Any]) -> tuple[int, float, str]:
    size = 0.0 if math.isnan(row["difference"]) else abs(row["difference"])
    return _ORDER.index(row["change"]), -size, row["path"]
