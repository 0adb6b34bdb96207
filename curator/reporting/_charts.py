"""Charts as inline SVG, drawn with the page's own colours: no script, no file, sharp in print."""

from __future__ import annotations

import math
from collections.abc import Sequence

from curator.reporting._html import text

Point = tuple[float, float]

_WIDTH, _HEIGHT = 460, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 26, 12, 42  # room for axes, in SVG units


def bars(values: Sequence[tuple[str, int]], *, total: int) -> str:
    """A line of text and a bar for each value, with its number and its share of the total."""
    most = max((value for _, value in values), default=1) or 1
    rows = "".join(
        f'<tr><th>{text(name)}</th><td class="bar"><svg viewBox="0 0 100 10" preserveAspectRatio="none" '
        f'aria-hidden="true"><rect width="{100 * value / most:.2f}" height="10"/></svg></td>'
        f'<td class="number">{value:,}</td><td class="number">{value / max(total, 1):.1%}</td></tr>'
        for name, value in values
    )
    return f'<table class="bars"><tbody>{rows}</tbody></table>'


def curve(
    points: Sequence[Point], *, across: str, up: str, widest: float, highest: float, diagonal: bool = False
) -> str:
    """Points joined by a line, both axes from 0; values up are shares, shown as percentages."""
    placed = [_placed(x / widest, y / highest) for x, y in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in placed)
    (left, bottom), (right, top) = _placed(0, 0), _placed(1, 1)
    honest = f'<path class="honest" d="M{left} {bottom}L{right} {top}"/>' if diagonal else ""
    ticks = "".join(_ticks(step / 4, widest, highest) for step in range(5))
    middle = -(top + bottom) / 2
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{text(up)} over {text(across)}">'
        f'{ticks}{honest}<polyline points="{line}"/>{dots}'
        f'<text class="middle" x="{(left + right) / 2:.0f}" y="{_HEIGHT - 4}">{text(across)}</text>'
        f'<text class="middle" transform="rotate(-90)" x="{middle:.0f}" y="11">{text(up)}</text></svg>'
    )


def _ticks(share: float, widest: float, highest: float) -> str:
    (x, bottom), (left, y) = _placed(share, 0), _placed(0, share)
    across = f"{share:.0%}" if widest == 1 else f"{widest * share:,.0f}"
    return (
        f'<path class="grid" d="M{left} {y:.1f}H{_WIDTH - _RIGHT}"/>'
        f'<text class="middle" x="{x:.1f}" y="{bottom + 15:.1f}">{across}</text>'
        f'<text class="end" x="{left - 6}" y="{y + 4:.1f}">{highest * share:.0%}</text>'
    )


def rounded_up(value: float) -> float:
    """The end of an axis that holds this value and is cut into four round numbers."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(end * power for end in (1, 2, 4, 6, 8, 10) if end * power >= value)


def _placed(x: float, y: float) -> Point:
    """From shares of both axes to SVG units."""
    return _LEFT + x * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - y * (_HEIGHT - _TOP - _BOTTOM)
