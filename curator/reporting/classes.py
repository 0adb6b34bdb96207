"""Classes and how evenly they are filled."""

from __future__ import annotations

from curator.reporting import _charts, _html
from curator.reporting.findings import Findings, Section, Unmade

_SHOWN = 30


def section(findings: Findings) -> Section:
    """A bar for each class, the largest first."""
    counts = findings.contents.counts
    if not counts:
        lacking = Unmade("no image has a label", "curator query --budget 20 --output to_label.csv")
        return Section("Classes", _html.unmade(lacking))
    ranked = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    most, least = ranked[0][1], ranked[-1][1]
    total = sum(counts.values())
    balance = f"The largest class has {most / least:,.1f} times as many labels as the smallest"
    if most == least:
        balance = "All classes have the same number of labels"
    body = _html.paragraph(
        f"{balance}; {total / max(findings.contents.images, 1):.0%} of the images are labelled."
    )
    body += _charts.bars(ranked[:_SHOWN], total=total)
    if len(ranked) > _SHOWN:
        body += _html.paragraph(f"and {len(ranked) - _SHOWN:,} smaller classes", style="muted")
    return Section("Classes", body)
