"""Images that are there more than once."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from curator.reporting import _html
from curator.reporting.findings import Findings, Section, Unmade

_GROUPS = 6
_MEMBERS = 3  # of a group


def section(findings: Findings) -> Section:
    """Groups of duplicates, the one to keep first."""
    found = findings.duplicates
    if isinstance(found, Unmade):
        return Section("Duplicates", _html.unmade(found))
    if not found.groups:
        return Section("Duplicates", _html.paragraph("No two images show the same."))
    body = _html.facts(
        [
            ("groups", f"{found.groups:,}"),
            ("exact copies that could go", f"{found.exact:,}"),
            ("near duplicates that could go", f"{found.near:,}"),
            ("groups under different labels", f"{found.conflicts:,}"),
        ]
    )
    table = found.table[found.table.group <= _GROUPS].groupby("group").head(_MEMBERS)
    groups = [rows.to_dict(orient="records") for _, rows in table.groupby("group")]
    body += _html.groups(
        [[(row["path"], [_fate(row), row["given_label"]]) for row in rows] for rows in groups],
        findings.picture,
    )
    body += _html.paragraph("All of them, with the reason for each:")
    body += _html.command("curator duplicates --output duplicates.csv")
    return Section("Duplicates", body)


def _fate(row: dict[Hashable, Any]) -> str:
    return "keep" if row["keep"] else {"exact": "exact copy", "near": "near duplicate"}.get(row["kind"], "")
