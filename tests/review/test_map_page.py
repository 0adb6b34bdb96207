"""The map that stands alone in its file, in a browser: it draws with the review page's own code."""

import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from curator.map_page import map_page
from tests.pictures.test_map import CLASSES, view
from tests.review.conftest import MARKUP


@pytest.mark.parametrize("way", ["label", "doubt"])
def test_pointing_shows_the_image_and_a_class_can_stand_alone(
    tmp_path: Path,
    browser: Browser,
    way: str,
) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(picture, "JPEG")
    page_file = tmp_path / "map.html"
    page_file.write_text(
        map_page(view(doubt=way == "doubt"), [MARKUP] * 90, [picture.getvalue()] * 90), encoding="utf-8"
    )
    page = browser.new_page(viewport={"width": 1000, "height": 700})
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(page_file.as_uri())
    page.locator("ul li").first.wait_for()
    box = page.locator("canvas").bounding_box() or {"x": 0, "y": 0, "width": 0, "height": 0}
    right = box["x"] + box["width"] / 2 + 0.47 * min(box["width"], box["height"])  # the image at (1, 0)
    page.mouse.move(right, box["y"] + box["height"] / 2)
    page.locator("figure").wait_for()
    caption = page.locator("figcaption").inner_text()
    assert MARKUP in caption
    assert CLASSES[0] in caption
    assert ("doubt 0 %" in caption) == (way == "doubt")
    assert page.locator("figure img").evaluate("image => image.naturalWidth") == 4
    if way == "label":
        page.get_by_role("button", name="dog").click()
        assert page.get_by_role("button", name="dog").get_attribute("aria-pressed") == "true"
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.wheel(0, -300)
    assert errors == []
    page.close()


def test_the_map_is_to_scale_before_the_browser_tells_of_any_size(tmp_path: Path, browser: Browser) -> None:
    page_file = tmp_path / "map.html"
    page_file.write_text(map_page(view(), ["a.png"] * 90, [b""] * 90), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1000, "height": 700})
    page.add_init_script("window.ResizeObserver = class { observe() {} }")
    page.goto(page_file.as_uri())
    page.locator("ul li").first.wait_for()
    drawn = page.locator("canvas").evaluate("canvas => [canvas.width, canvas.height]")
    shown = page.locator("canvas").bounding_box()
    assert shown is not None
    assert drawn == [round(shown["width"]), round(shown["height"])]
    page.close()
