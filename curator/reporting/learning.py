"""How accuracy grows with labels, and what more of them would add."""

from __future__ import annotations

from curator.reporting import _charts, _html
from curator.reporting.findings import Findings, Section, Unmade


def section(findings: Findings) -> Section:
    """The learning curve that was measured on the labels at hand, and its continuation."""
    found = findings.gain
    title = "What more labels would add"
    if isinstance(found, Unmade):
        return Section(title, _html.unmade(found))
    body = _html.facts(
        [
            ("accuracy of propagation, now", f"{found.accuracy:.1%}"),
            (f"gain by {found.more:,} more labels", f"{100 * found.estimate:.1f} points"),
            ("95 % interval", f"{100 * found.low:.1f} to {100 * found.high:.1f}"),
        ]
    )
    points = [(size, 1 - error) for size, error in zip(found.sizes, found.errors, strict=True)]
    body += _charts.curve(
        points, across="labels", up="accuracy on hidden labels", widest=max(found.sizes), highest=1
    )
    return Section(title, body)
