"""What the embeddings were made by, and what they are worth here."""

from __future__ import annotations

from curator.reporting import _html
from curator.reporting.findings import Findings, Section, Unmade


def section(findings: Findings) -> Section:
    """The encoder, the graph, and how often an image's neighbours have its label."""
    found = findings.encoder
    if isinstance(found, Unmade):
        return Section("The encoder", _html.unmade(found))
    body = _html.table(
        ["", ""], [("encoder", f"{found.name}, {found.dim} dimensions"), ("kNN graph", found.graph)]
    )
    if found.accuracy is None:
        return Section(
            "The encoder",
            body
            + _html.paragraph(
                "Its worth cannot be said: that takes labels of two classes, "
                "which it has not learned itself.",
                style="muted",
            ),
        )
    body = (
        _html.facts([("of the labels are what the 20 nearest others vote for", f"{found.accuracy:.1%}")])
        + body
    )
    body += _html.paragraph(
        "All that follows rests on these neighbours. Where few are right, a stronger encoder "
        "(curator embed --encoder, curator finetune) helps more than more labels.",
        style="muted",
    )
    return Section("The encoder", body)
