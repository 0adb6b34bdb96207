"""A report on a data set as one HTML file: no network, no script, thumbnails inside.

A section is a plain function of the findings, in a module of its own; adding one touches one line here.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from importlib.resources import files

from curator.reporting import (
    _html,
    calibration,
    classes,
    contents,
    duplicates,
    encoder,
    faults,
    label_issues,
    learning,
    map,  # noqa: A004 - the module of the section
    next_step,
    outliers,
)
from curator.reporting.findings import Findings, Section

__all__ = ["SECTIONS", "report_page"]

SECTIONS: tuple[Callable[[Findings], Section], ...] = (
    contents.section,
    next_step.section,
    classes.section,
    encoder.section,
    label_issues.section,
    duplicates.section,
    outliers.section,
    faults.section,
    learning.section,
    calibration.section,
    map.section,
)


def report_page(findings: Findings) -> str:
    """The whole report, section by section."""
    sections = [make(findings) for make in SECTIONS]
    style = files("curator.reporting").joinpath("page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    known = findings.contents
    name = f"{known.folder}: {known.images:,} images"
    said = _html.paragraph(f"A report by curator, {known.made_at}")
    links = "".join(
        f'<a href="#part-{number}">{_html.text(part.title)}</a>' for number, part in enumerate(sections, 1)
    )
    parts = "".join(
        f'<section id="part-{number}"><h2>{_html.text(part.title)}</h2>{part.body}</section>'
        for number, part in enumerate(sections, 1)
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_html.text(name)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"<header><h1>{_html.text(known.folder)}</h1>{said}"
        f"<nav>{links}</nav></header>\n<main>{parts}</main>\n</body>\n</html>\n"
    )
