"""Search: an image finds itself, from the workspace or as a file, and what is found can be labelled."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from curator.store import Workspace
from tests.review.conftest import Server

UPLOAD = "/api/search/upload"
BYTES = {"Content-Type": "application/octet-stream"}


def test_an_image_finds_itself_first(server: Server, workspace: Workspace) -> None:
    image = next(iter(workspace.catalog.ready()))
    found = server.post("/api/search", id=image.id)["found"]
    assert found[0]["id"] == image.id
    assert [each["similarity"] for each in found] == sorted((e["similarity"] for e in found), reverse=True)


@pytest.mark.parametrize("data", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\xff\xd8\xff junk"])
def test_a_file_that_is_no_image_is_refused(fortress: Server, data: bytes) -> None:
    assert fortress.ask("POST", UPLOAD, data, **BYTES)[0] == 400


def test_a_file_finds_its_like_and_they_are_labelled(
    server: Server, workspace: Workspace, open_page: Callable[[Server], Page]
) -> None:
    image = next(iter(workspace.catalog.ready()))
    page = open_page(server)
    page.get_by_role("button", name="Search", exact=True).click()
    page.locator("input[type=file]").set_input_files(workspace.images / image.path)
    tiles = page.locator(".tiles.found button")
    tiles.first.wait_for(timeout=120_000)
    tiles.nth(0).click()
    tiles.nth(1).click()
    page.keyboard.type("mine")
    page.keyboard.press("Enter")
    page.get_by_text("2 images: mine").wait_for()
    labels = {row.path: row.label for row in workspace.labels.rows()}
    assert len(labels) == 2
    assert labels[image.path] == "mine"
