"""Search: an image finds itself, from the workspace or as a file, and what is found can be labelled."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from curator.store import Workspace
from curator.store.labels import LabelEvent
from tests.review.conftest import Server

UPLOAD = "/api/search/upload"
BYTES = {"Content-Type": "application/octet-stream"}


def test_an_image_finds_itself_first(server: Server, workspace: Workspace) -> None:
    image = next(iter(workspace.catalog.ready()))
    found = server.post("/api/search", id=image.id)["images"]
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


def test_what_is_found_shows_the_label_that_it_has_now(
    server: Server, workspace: Workspace, open_page: Callable[[Server], Page]
) -> None:
    page = open_page(server)
    page.locator(".label-mode .caption .path").wait_for()
    page.keyboard.press("=")
    tiles, tags = page.locator(".tiles.found button"), page.locator(".tiles.found .tag")
    tiles.nth(1).wait_for()
    tiles.nth(0).click()
    tiles.nth(1).click()
    page.keyboard.type("mine")
    page.keyboard.press("Enter")
    page.get_by_text("2 images: mine").wait_for()
    assert tags.all_inner_texts()[:2] == ["mine", "mine"]
    assert tiles.nth(0).get_attribute("aria-pressed") == "false"
    page.locator("#stage").focus()
    page.keyboard.press("Backspace")
    page.get_by_text("2 images taken back").wait_for()
    assert "given" not in str(tags.nth(0).get_attribute("class"))
    page.keyboard.press("Control+Shift+z")
    page.get_by_text("2 images done again").wait_for()
    assert tags.all_inner_texts()[:2] == ["mine", "mine"]

    tiles.nth(2).click()
    image = int(str(tiles.nth(2).get_attribute("data-of")))
    workspace.labels.append([LabelEvent(image, "theirs", "ben", "csv:x.csv")])
    tags.nth(2).get_by_text("theirs").wait_for()  # without a word from here
    assert tiles.nth(2).get_attribute("aria-pressed") == "true"
    assert page.evaluate("document.activeElement.dataset.of") == str(image)
