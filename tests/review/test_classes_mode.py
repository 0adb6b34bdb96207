"""Classes mode: what is labelled so far, class by class, by mouse and by keys."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route

from curator.review.classes import MOST_LISTED, SAMPLES
from curator.store import Workspace
from curator.store.labels import LabelEvent
from tests.review.conftest import Server, go_by_keys

MANY, LISTED = 75, 60  # images of the larger class, and how many of them are listed at first
FEW = "<b>few</b>"

Visit = Callable[[Server], Page]


@pytest.fixture
def two_classes(workspace: Workspace) -> Workspace:
    """A class of more images than are listed at first, and one of fewer than are samples."""
    rows = list(workspace.catalog.ready())[: MANY + 2]
    workspace.labels.append(
        LabelEvent(row.id, "most" if place < MANY else FEW, "ann", "csv:x.csv")
        for place, row in enumerate(rows)
    )
    return workspace


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.dataset.of"))


def test_classes_are_counted_and_list_their_images(two_classes: Workspace, server: Server) -> None:
    told = server.get("/api/classes")["classes"]
    assert [(each["name"], each["count"]) for each in told] == [("most", MANY), (FEW, 2)]
    assert sum(each["share"] for each in told) == pytest.approx(1)
    assert [len(each["samples"]) for each in told] == [SAMPLES, 2]
    current = two_classes.labels.current()
    assert all(current[image].label == each["name"] for each in told for image in each["samples"])
    listed = server.get("/api/class?name=most&most=70")
    assert listed["count"] == MANY
    assert len(listed["images"]) == 70
    assert {current[each["id"]].label for each in listed["images"]} == {"most"}


@pytest.mark.parametrize(
    "asked", ["", "name=none&most=5", "name=most", "name=most&most=0", f"name=most&most={MOST_LISTED + 1}"]
)
def test_lists_of_no_class_or_no_length_are_refused(
    two_classes: Workspace, server: Server, asked: str
) -> None:
    assert server.ask("GET", f"/api/class?{asked}")[0] == 400


def test_keys_and_clicks_list_a_class_and_go_to_images_like_one(
    two_classes: Workspace, server: Server, open_page: Visit
) -> None:
    page = open_page(server)
    page.locator(".label-mode .caption .path").wait_for()
    go_by_keys(page, "Classes")
    buttons = page.get_by_role("complementary", name="Classes").get_by_role("list").get_by_role("button")
    tiles = page.get_by_role("list", name="Images of the class").get_by_role("img")
    buttons.first.click()
    page.get_by_text(f"most: {MANY} images, {LISTED} shown").wait_for()
    assert buttons.first.get_attribute("aria-pressed") == "true"
    assert buttons.first.locator("img").count() == SAMPLES
    assert "75 labels" in buttons.first.inner_text()
    assert "97.4 %" in buttons.first.inner_text()
    assert tiles.count() == LISTED
    page.get_by_role("button", name="Show more").click()
    page.get_by_text(f"most: {MANY} images", exact=True).wait_for()
    assert tiles.count() == MANY

    buttons.first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_text(f"{FEW}: 2 images", exact=True).wait_for()
    assert focused(page) == FEW
    page.keyboard.press("ArrowRight")
    image = focused(page)
    assert int(image) in two_classes.labels.current()
    page.keyboard.press("Escape")
    assert focused(page) == FEW
    page.keyboard.press("ArrowRight")
    page.keyboard.press("=")
    page.get_by_text("most similar first").wait_for()
    assert page.locator(".search-mode .tiles button").first.get_attribute("data-of") == image
    go_by_keys(page, "Classes")
    page.get_by_text(f"{FEW}: 2 images", exact=True).wait_for()


def test_undo_and_what_others_label_show_at_once_and_the_focus_stays(
    two_classes: Workspace, server: Server, open_page: Visit
) -> None:
    page = open_page(server)
    page.locator(".label-mode .caption .path").wait_for()
    page.keyboard.type("third")
    page.keyboard.press("Enter")
    page.get_by_text("saved: third").wait_for()
    go_by_keys(page, "Classes")
    third = page.locator(".known button", has_text="third")
    third.click()
    page.get_by_text("third: 1 image", exact=True).wait_for()
    page.keyboard.press("Backspace")
    page.get_by_text("taken back").wait_for()
    page.get_by_text("third: 0 images", exact=True).wait_for()
    assert "0 labels" in third.inner_text()
    assert focused(page) == "third"

    others = list(two_classes.catalog.ready())[-9:]
    two_classes.labels.append(LabelEvent(row.id, "third", "ben", "csv:x.csv") for row in others)
    page.get_by_text("third: 9 images", exact=True).wait_for()
    page.get_by_text("86 of 240").wait_for()
    assert page.locator(".classes-mode .tiles img").count() == 9
    assert focused(page) == "third"


def test_what_fails_while_a_mode_shows_is_told(
    two_classes: Workspace, server: Server, open_page: Visit
) -> None:
    def refuse(route: Route) -> None:
        route.fulfill(status=400, json={"error": "no images today"})

    page = open_page(server)
    page.locator(".label-mode .caption .path").wait_for()
    go_by_keys(page, "Classes")
    page.locator(".known button").first.click()
    page.locator(".classes-mode .tiles img").first.wait_for()
    page.route("**/api/class?*", refuse)
    page.keyboard.press("Backspace")
    page.get_by_role("alert").get_by_text("no images today").wait_for()
    page.unroute("**/api/class?*")
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("Backspace")
    page.get_by_text("nothing to take back").wait_for()
