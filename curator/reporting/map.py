"""The map."""

from __future__ import annotations

from curator.reporting import _html
from curator.reporting.findings import Findings, Section, Unmade


def section(findings: Findings) -> Section:
    """A picture of all images, alike ones near each other."""
    if isinstance(findings.map_png, Unmade):
        return Section("The map", _html.unmade(findings.map_png))
    picture = _html.image(findings.map_png, "each image a dot, near those it is like", kind="png")
    more = _html.paragraph("To look at single images, make the map that can be moved:")
    return Section(
        "The map", f'<div class="map">{picture}</div>' + more + _html.command("curator map --output map.html")
    )
