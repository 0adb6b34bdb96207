"""Whether confidence can be believed."""

from __future__ import annotations

import numpy as np

from curator.reporting import _charts, _html
from curator.reporting.findings import Findings, Section, Unmade

_BINS = 10


def section(findings: Findings) -> Section:
    """How often propagation was right on hidden labels, by how sure it was."""
    found = findings.trial
    title = "Can confidence be believed?"
    if isinstance(found, Unmade):
        return Section(title, _html.unmade(found))
    order = np.argsort(found.confidence, kind="stable")
    parts = [part for part in np.array_split(order, _BINS) if len(part)]  # as many in each
    points = [(float(found.confidence[part].mean()), float(found.right[part].mean())) for part in parts]
    shares = [len(part) / len(order) for part in parts]
    gap = sum(share * abs(stated - true) for share, (stated, true) in zip(shares, points, strict=True))
    body = _html.paragraph(
        f"{len(order):,} labels were hidden and propagated anew: {found.right.mean():.1%} came out as given. "
        f"On average the stated confidence is {100 * gap:.1f} points from the share that was right. "
        "A point on the dashed line is a confidence that keeps its word."
    )
    body += _charts.curve(
        points, across="confidence", up="share that was right", widest=1, highest=1, diagonal=True
    )
    return Section(title, body)
