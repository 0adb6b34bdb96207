"""What the data set is."""

from __future__ import annotations

from itertools import islice

import numpy as np

from curator.reporting import _html
from curator.reporting.findings import Contents, Findings, Section

_LISTED = 10  # unreadable files


def section(findings: Findings) -> Section:
    """Images, formats, sizes, and the files that could not be read."""
    known = findings.contents
    labelled = sum(known.counts.values())
    body = _html.facts(
        [
            ("images", f"{known.images:,}"),
            ("labelled", f"{labelled:,}"),
            ("classes", f"{len(known.counts):,}"),
            ("unreadable files", f"{len(known.broken):,}"),
        ]
    )
    if known.images:
        body += _html.table(["", ""], [("formats", _formats(known)), ("sizes", _sizes(known))])
    if known.broken:
        rows = [(file["path"], file["message"]) for file in islice(known.broken, _LISTED)]
        body += _html.table(["file that cannot be read", "why"], rows) + _more(len(known.broken))
    return Section("The images", body)


def _formats(known: Contents) -> str:
    ranked = sorted(known.formats.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{name or 'no suffix'} {count:,}" for name, count in ranked)


def _sizes(known: Contents) -> str:
    shapes, counts = np.unique(known.sizes, axis=0, return_counts=True)
    if len(shapes) == 1:
        return f"all {shapes[0, 0]} x {shapes[0, 1]} pixels"
    width, height = shapes[counts.argmax()]
    sides = np.sqrt(known.sizes.prod(axis=1))
    low, middle, high = (round(float(side)) for side in np.quantile(sides, [0, 0.5, 1]))
    return (
        f"most often {width} x {height} pixels ({counts.max():,} images); side of a square of the same area: "
        f"{low:,} to {high:,}, median {middle:,}"
    )


def _more(count: int) -> str:
    left = count - _LISTED
    return _html.paragraph(f"and {left:,} more: see curator faults", style="muted") if left > 0 else ""
