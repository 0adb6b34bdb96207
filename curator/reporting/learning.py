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
    known = [("accuracy of propagation, now", f"{found.accuracy:.1%}")]
    if found.more:
        known += [
            (f"gain by {found.more:,} more labels", f"{100 * found.estimate:.1f} points"),
            ("95 % interval", f"{100 * found.low:.1f} to {100 * found.high:.1f}"),
        ]
    body = _html.facts(known)
    if not found.more:
        body += _html.paragraph("All images are labelled: only more images could add labels.")
    points = [(size, 1 - error) for size, error in zip(found.sizes, found.errors, strict=True)]
    body += _charts.curve(
        points,
        across="labels",
        up="accuracy on hidden labels",
        widest=_charts.rounded_up(max(found.sizes)),
        highest=1,
    )
    return Section(title, body)
