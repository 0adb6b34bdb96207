"""Faulty pictures, where they were measured."""

from __future__ import annotations

from curator.reporting import _charts, _html
from curator.reporting.findings import Findings, Section, Unmade

_SHOWN = 8


def section(findings: Findings) -> Section:
    """How many images have which fault, and the first of each."""
    found = findings.faults
    if isinstance(found, Unmade):
        return Section("Faulty pictures", _html.unmade(found))
    body = _html.paragraph(f"{found.faulty:,} of {findings.contents.images:,} images have a fault.")
    named = [(name.replace("_", " "), count) for name, count in found.counts.items()]
    body += _charts.bars(named, total=findings.contents.images)
    readable = found.table[found.table.fault.isin(list(found.counts))]
    rows = readable.groupby("fault", sort=False).head(2).head(_SHOWN).to_dict(orient="records")
    body += _html.cards(
        [(row["path"], [row["fault"].replace("_", " "), row["reason"]]) for row in rows], findings.picture
    )
    return Section("Faulty pictures", body)
