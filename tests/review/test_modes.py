"""What holds for every mode: the page, the server and the docs have the same ones."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

from curator.review.app import Review
from curator.store import Workspace
from tests.review.conftest import ROOT, Server, go_by_keys, tabs

DOCS = ROOT / "docs"


def test_each_tab_is_a_mode_of_the_server_and_takes_back(
    half_labelled: Workspace, serve: Callable[..., Server], open_page: Callable[[Server], Page]
) -> None:
    page = open_page(serve())
    found = tabs(page)
    assert list(found.values()) == list(Review.of(half_labelled, "ann").modes)
    for title in found:
        go_by_keys(page, title)
        page.evaluate("document.getElementById('saved').textContent = ''")
        while page.locator("#saved").inner_text() != "nothing to take back":
            page.keyboard.press("Control+z")  # does nothing until the mode is on stage
            page.wait_for_timeout(100)
        assert page.evaluate("location.hash") == f"#{found[title]}"
        assert page.get_by_role("alert").is_hidden()


def test_each_mode_stands_in_the_docs_with_a_picture(
    fortress: Server, open_page: Callable[[Server], Page]
) -> None:
    text = Path(DOCS / "review.md").read_text()
    for title in tabs(open_page(fortress)):
        picture = f"images/review-{title.lower()}.jpg"
        assert f"\n## {title}\n" in text
        assert f"({picture})" in text
        assert (DOCS / picture).exists()
