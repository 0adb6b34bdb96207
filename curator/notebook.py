"""Pictures in a notebook: the images of any table that a verb returns, with what it says of each."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

import pandas as pd

from curator.errors import CuratorError
from curator.jobs._thumbnails import thumbnail_or_nothing
from curator.store.workspace import Workspace

__all__ = ["Pictures", "show"]

_TOLD = ("given_label", "suggested_label", "predicted_label", "error_probability", "confidence", "score")
_CARD = "display:inline-block;margin:0 10px 10px 0;vertical-align:top;font-size:12px;line-height:1.4"


class Card(NamedTuple):
    """One image as JPEG, empty where it cannot be read any more, its path, and lines to stand below it."""

    picture: bytes
    path: str
    lines: Sequence[str]


class Pictures:
    """Thumbnails side by side; a notebook shows them, and needs no file beside it to do so."""

    def __init__(self, cards: Iterable[Card], *, side: int) -> None:
        self.cards = tuple(cards)
        self.side = side

    def __repr__(self) -> str:
        return f"<{len(self.cards)} pictures: {', '.join(card.path for card in self.cards)}>"

    def _repr_html_(self) -> str:
        return f"<div>{''.join(self._figure(card) for card in self.cards)}</div>"

    def _figure(self, card: Card) -> str:
        data = base64.b64encode(card.picture).decode("ascii")
        # Small pictures are enlarged pixel by pixel: a digit of 8 pixels, smoothed, is a blur.
        size = f"width:{self.side}px;height:{self.side}px;object-fit:contain;image-rendering:pixelated"
        name = escape(card.path)
        lines = "<br>".join(map(escape, card.lines))
        picture = f'<img alt="{name}" title="{name}" style="{size}" src="data:image/jpeg;base64,{data}">'
        return f'<div style="{_CARD}">{picture}<br>{lines}</div>'


def show(
    workspace: Workspace,
    table: pd.DataFrame,
    *,
    count: int = 12,
    columns: Sequence[str] | None = None,
    side: int = 96,
) -> Pictures:
    """The first images of a table, each with what the table says of it.

    Args:
        workspace: whose images they are.
        table: with a column `path`, as `query`, `audit`, `duplicates` and the others return it.
        count: how many rows, from the top.
        columns: those to tell; None for labels, predictions and scores, as far as the table has them.
        side: of a thumbnail, in pixels.

    Raises:
        CuratorError: no column `path`, or not these columns; a path of no image.

    """
    told = [name for name in _TOLD if name in table] if columns is None else list(columns)
    missing = [name for name in ["path", *told] if name not in table]
    if missing:
        raise CuratorError(f"the table has no column {missing[0]!r}: it has {', '.join(map(str, table))}")
    rows = table.head(count)
    known = workspace.catalog.find(rows["path"].tolist())
    unknown = [path for path in rows["path"] if path not in known]
    if unknown:
        raise CuratorError(f"the workspace has no image {unknown[0]!r}: give a table that was made from it")
    images = workspace.catalog.by_ids([known[path].id for path in rows["path"]])
    lines = ([_line(name, row[name]) for name in told] for _, row in rows.iterrows())
    pictures = (thumbnail_or_nothing(workspace, image, side) for image in images)
    cards = (
        Card(picture, image.path, said) for picture, image, said in zip(pictures, images, lines, strict=True)
    )
    return Pictures(cards, side=side)


def _line(name: str, value: object) -> str:
    said = f"{value:.2f}" if isinstance(value, float) else str(value)
    return f"{name.replace('_', ' ')} {said}"
