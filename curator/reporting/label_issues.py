"""Labels that are probably wrong."""

from __future__ import annotations

from collections.abc import Mapping

from curator.reporting import _html
from curator.reporting.findings import Findings, Section, Unmade

_SHOWN = 20
_VOTES = 3  # labels of neighbours that are named
_WEAK_SUPPORT = 0.7  # below it, more than every second doubt was false on sound labels


def section(findings: Findings) -> Section:
    """How many labels are wrong, and the most suspect ones with their neighbours' votes."""
    found = findings.issues
    if isinstance(found, Unmade):
        return Section("Label issues", _html.unmade(found))
    estimate, low, high = found.errors
    body = _html.facts(
        [
            ("wrong labels, estimated", f"{estimate:,.0f}"),
            ("95 % interval", f"{low:,.0f} to {high:,.0f}"),
            ("labels in doubt", f"{found.suspects:,}"),
            ("labels looked at", f"{found.labels:,}"),
        ]
    )
    if found.supported < _WEAK_SUPPORT:
        body += _html.paragraph(
            f"Only {found.supported:.0%} of the labels are what the embeddings suggest: either many are "
            "wrong, or the encoder does not tell these classes apart. Look at the first suspects "
            "before you trust the number.",
            style="warning",
        )
    rows = found.table.head(_SHOWN).to_dict(orient="records")
    cards = [
        (
            row["path"],
            [
                f"{row['given_label']} \u2192 {row['suggested_label']}",
                f"{row['error_probability']:.0%} likely to be wrong",
                _nearest(votes),
            ],
        )
        for row, votes in zip(rows, found.votes[:_SHOWN], strict=True)
    ]
    body += _html.cards(cards, findings.picture)
    if found.suspects:
        body += _html.paragraph("To correct them, fill in the label column of this file and import it:")
        body += _html.command("curator audit --output suspects.csv", "curator label import suspects.csv")
    return Section("Label issues", body)


def _nearest(votes: Mapping[str, int]) -> str:
    """The labels that most neighbours have."""
    if not votes:
        return "no neighbour is labelled, besides near duplicates"
    said = [f"{count} {label}" for label, count in votes.items()]
    shown = ", ".join(said[:_VOTES]) + (", ..." if len(said) > _VOTES else "")
    return f"{sum(votes.values())} nearest: {shown}"
