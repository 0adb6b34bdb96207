"""What a screen reader and a keyboard have of the page; axe-core looks at each mode, in light and dark."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from curator.store import Workspace
from tests.review.conftest import Server, go_by_keys, tabs

Serve = Callable[..., Server]
Visit = Callable[[Server], Page]
MODES = {  # by title, what shows once there is something to see
    "Label": ".label-mode .photo",
    "Grid": ".tiles button",
    "Doubt": ".doubt-mode .accept.fix",
    "Map": ".legend li",
    "Search": ".tiles.found button",
    "Classes": ".known button",
}


def bring(page: Page, mode: str) -> None:
    """Put a mode on stage, with something to see in it."""
    if mode == "Search":
        bring(page, "Label")
        page.locator(".label-mode .caption .path").wait_for()
        page.keyboard.press("=")
    else:
        page.get_by_role("button", name=mode, exact=True).click()
    page.locator(MODES[mode]).first.wait_for()
    if mode == "Map":
        page.keyboard.press("Enter")
        page.locator(".tiles.small img").first.wait_for()
    if mode == "Classes":
        page.locator(".known button").first.click()
        page.locator(".classes-mode .tiles img").first.wait_for()
    page.wait_for_function("() => !document.getAnimations().length")


def faults(page: Page) -> list[str]:
    """What axe-core finds wrong, its best practices included."""
    found = Axe().run(page).response
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_in_any_mode(
    half_labelled: Workspace, serve: Serve, open_page: Visit, scheme: str
) -> None:
    page = open_page(serve())
    assert list(MODES) == list(tabs(page))
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    found = {}
    for mode in MODES:
        bring(page, mode)
        found[mode] = faults(page)
    for name, opening in (("help", "#help-button"), ("who", "#annotator")):
        page.locator(opening).click()
        found[name] = faults(page)
        page.keyboard.press("Escape")
    assert {where: said for where, said in found.items() if said} == {}


def test_no_mode_scrolls_sideways_in_a_narrow_window(
    half_labelled: Workspace, serve: Serve, open_page: Visit
) -> None:
    page = open_page(serve())
    widths = {}
    for mode in MODES:
        bring(page, mode)
        for width in (320, 400, 700):
            page.set_viewport_size({"width": width, "height": 720})
            widths[mode, width] = page.evaluate("document.documentElement.scrollWidth")
    assert {(mode, width): wide for (mode, width), wide in widths.items() if wide > width} == {}


def test_every_mode_is_reached_and_used_by_keys_alone(
    half_labelled: Workspace, serve: Serve, open_page: Visit
) -> None:
    before = len(half_labelled.labels.current())
    page = open_page(serve())
    page.locator(".label-mode .accept").wait_for()
    page.keyboard.press("Enter")  # takes the proposal
    page.wait_for_function("() => document.querySelector('#saved').textContent.startsWith('saved: ')")
    assert len(half_labelled.labels.current()) == before + 1

    go_by_keys(page, "Grid")
    page.locator(".grid-mode .tiles button").first.wait_for()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    assert page.locator(":focus").get_attribute("aria-pressed") == "false"
    page.keyboard.press("Space")
    page.keyboard.type("mine")
    page.keyboard.press("Enter")
    page.get_by_text(": mine").wait_for()

    go_by_keys(page, "Doubt")
    page.locator(".doubt-mode .accept.fix").wait_for()
    page.keyboard.press("ArrowLeft")
    page.get_by_text("1 of").wait_for()

    go_by_keys(page, "Map")
    page.locator(".legend li").first.wait_for()
    page.keyboard.press("Enter")  # a lasso around all that shows
    page.get_by_role("heading", name="240 images inside").wait_for()

    go_by_keys(page, "Label")
    page.locator(".label-mode .caption .path").wait_for()
    page.keyboard.press("=")
    page.locator(".tiles.found button").first.wait_for()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.get_by_text("1 image chosen").wait_for()
    page.keyboard.type("yours")
    page.keyboard.press("Enter")
    page.get_by_text("1 image: yours").wait_for()

    go_by_keys(page, "Classes")
    page.locator(".known button").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator(".classes-mode .tiles img").first.wait_for()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_text("most similar first").wait_for()

    assert {"mine", "yours"} <= {said.label for said in half_labelled.labels.current().values()}


def test_tab_goes_from_the_images_on_after_an_answer(
    half_labelled: Workspace, serve: Serve, open_page: Visit
) -> None:
    page = open_page(serve())
    page.locator(".label-mode .accept").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#saved').textContent.startsWith('saved: ')")
    assert page.evaluate("document.activeElement.id") == "stage"
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('stage').contains(document.activeElement)")


def test_single_keys_can_be_turned_off(half_labelled: Workspace, serve: Serve, open_page: Visit) -> None:
    before = half_labelled.labels.current()
    page = open_page(serve())
    path = page.locator(".caption .path")
    path.wait_for()
    shown = path.inner_text()
    page.keyboard.press("?")
    page.get_by_role("checkbox", name="Single keys act").uncheck()
    page.keyboard.press("Escape")
    for key in "1.?=":
        page.keyboard.press(key)
    assert path.inner_text() == shown
    page.get_by_role("button", name="Keys and help").click()
    page.get_by_role("checkbox", name="Single keys act").check()
    page.keyboard.press("Escape")
    assert half_labelled.labels.current() == before
    page.keyboard.press(".")
    page.get_by_text("set aside").wait_for()
