"""What to do next."""

from __future__ import annotations

from curator.reporting import _html
from curator.reporting.findings import Findings, Section


def section(findings: Findings) -> Section:
    """The one thing most worth doing, why, and the command."""
    reason = findings.next.reason
    said = _html.paragraph(reason[:1].upper() + reason[1:] + ".")
    return Section(
        "What to do next", said + (_html.command(findings.next.command) if findings.next.command else "")
    )
