"""Images unlike all others."""

from __future__ import annotations

from curator.reporting import _html
from curator.reporting.findings import Findings, Section, Unmade

_SHOWN = 12


def section(findings: Findings) -> Section:
    """The images that are farthest from all others."""
    found = findings.outliers
    if isinstance(found, Unmade):
        return Section("Outliers", _html.unmade(found))
    body = _html.paragraph(
        f"{found.outliers:,} images are too far from all others to be ordinary ones. The farthest are shown: "
        "look at them, they need not be wrong."
    )
    rows = found.table.head(_SHOWN).to_dict(orient="records")
    cards = [
        (
            row["path"],
            [f"{row['ratio']:.2f} x as far as its neighbours", row["given_label"] or "no label"],
        )
        for row in rows
    ]
    return Section("Outliers", body + _html.cards(cards, findings.picture))
