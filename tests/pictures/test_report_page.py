"""The report as HTML: every section, with everything and with nothing to say; text is never markup."""

import dataclasses
import io
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from curator.queries import ExpectedGain
from curator.reporting import SECTIONS, report_page
from curator.reporting._charts import rounded_up
from curator.reporting.findings import (
    Contents,
    Duplicates,
    Encoder,
    Faults,
    Findings,
    LabelIssues,
    Next,
    Outliers,
    Trial,
    Unmade,
)

MARKUP = "</figure><script>document.title=1</script>\" onload='x'"


def jpeg() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(written, "JPEG")
    return written.getvalue()


def findings(evil: str = "plain", rows: int = 40) -> Findings:
    """Something to say in every section, with the same text as every name, and many rows in every table."""
    path, many = f"{evil}.png", range(rows)
    issue = {
        "path": path,
        "given_label": evil,
        "suggested_label": evil,
        "error_probability": 0.5,
    }
    votes = {evil: 9, "b, c": 6, "d": 4, "e": 1}
    copy = {"path": path, "keep": True, "kind": evil, "given_label": evil}
    return Findings(
        contents=Contents(
            folder=evil,
            images=rows,
            broken=[{"path": path, "reason": "corrupt", "message": evil}] * 15,
            sizes=np.array([[8, 8]] * (rows - 1) + [[9, 7]]),
            formats={evil: rows},
            counts={evil: 3, "other": 1},
            made_at="now",
        ),
        encoder=Encoder(evil, 384, 0.5, evil),
        issues=LabelIssues(
            rows, rows, (7.4, 3, 12), 0.5, pd.DataFrame([issue for _ in many]), [votes] * rows
        ),
        duplicates=Duplicates(
            rows, 1, 1, 0, pd.DataFrame([{**copy, "group": 1 + number // 5} for number in many])
        ),
        outliers=Outliers(1, pd.DataFrame([{"path": path, "ratio": 1.5, "given_label": evil} for _ in many])),
        faults=Faults(
            rows,
            {"dark": rows},
            pd.DataFrame([{"path": path, "fault": "dark", "reason": evil} for _ in many]),
        ),
        gain=ExpectedGain(100, 0.02, 0.01, 0.03, 0.8, (10, 20, 40), (0.5, 0.4, 0.3)),
        trial=Trial(np.linspace(0, 1, 50), np.linspace(0, 1, 50) > 0.5),
        map_png=b"png",
        next=Next(f"curator {evil}", evil),
        picture=lambda _path: jpeg(),
    )


def nothing() -> Findings:
    """No image, no label, and a reason for everything else."""
    empty = Contents("photos", 0, [], np.zeros((0, 2), np.int64), {}, {}, "now")
    lacking = Unmade("there is nothing", "curator embed photos")
    names = ("encoder", "issues", "duplicates", "outliers", "faults", "gain", "trial", "map_png")
    reasons: dict[str, Any] = dict.fromkeys(names, lacking)
    return dataclasses.replace(findings(), contents=empty, next=Next("", "done"), **reasons)


class Tags(HTMLParser):
    """Which tags there are, whether all are closed, and what attributes point to."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.sources += [value or "" for name, value in attributes if name in ("src", "href")]
        assert not any(name.startswith("on") for name, _ in attributes)
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)


def parsed(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    return tags


@pytest.mark.parametrize("known", [findings(), findings(MARKUP), nothing()], ids=["full", "hostile", "empty"])
def test_it_needs_nothing_else_and_has_every_section(known: Findings) -> None:
    page = report_page(known)
    tags = parsed(page)
    assert tags.names.count("section") == len(SECTIONS) == 11
    assert "script" not in tags.names
    assert all(source.startswith(("data:image/", "#part-")) for source in tags.sources)
    assert not re.search(r"https?://|url\(|@import", page)
    for make in SECTIONS:
        assert f"<h2>{make(known).title}</h2>" in page


def test_hostile_text_is_shown_and_not_obeyed() -> None:
    page = report_page(findings(MARKUP))
    assert MARKUP not in page
    assert "<script" not in page
    assert "&lt;/figure&gt;&lt;script&gt;document.title=1" in page
    assert parsed(page).names == parsed(report_page(findings())).names, "names change no tag"


def test_suspects_show_the_labels_of_their_nearest() -> None:
    known = findings(rows=2)
    assert isinstance(known.issues, LabelIssues)
    votes = [known.issues.votes[0], {"cat": 2}]
    page = report_page(dataclasses.replace(known, issues=dataclasses.replace(known.issues, votes=votes)))
    assert "20 nearest: 9 plain, 6 b, c, 4 d, ...<" in page
    assert "2 nearest: 2 cat<" in page


def test_pictures_are_bounded() -> None:
    page = report_page(findings(rows=5000))
    assert 40 < page.count("data:image/jpeg") <= 60


def test_what_is_missing_is_said_with_the_command() -> None:
    page = report_page(nothing())
    assert page.count("Not made yet: there is nothing") == 8
    assert page.count("<code>curator embed photos</code>") == 8


def test_a_picture_that_is_gone_leaves_a_word() -> None:
    page = report_page(dataclasses.replace(findings(), picture=lambda _path: b""))
    assert "cannot be read any more" in page
    assert "data:image/jpeg" not in page


def test_numbers_are_those_found() -> None:
    page = report_page(findings())
    for said in ("3 to 12", "<dd>7</dd>", "50.0%", "2.0 points", "8 x 8 pixels (39 images)", "and 5 more"):
        assert said in page
    # 50 answers, right from a confidence of 1/2 on: in ten bins the gap is .25 on average.
    assert re.search(r"2[45]\.\d points from the share that was right", page)


@pytest.mark.parametrize(("value", "end"), [(3, 4), (10, 10), (11, 20), (1760, 2000), (250_000, 400_000)])
def test_axes_end_at_round_numbers(value: float, end: float) -> None:
    assert rounded_up(value) == end
