"""The map: points and colours as arrays, and a lasso drawn by hand."""

import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Page

from curator.jobs.layout import make_layout
from curator.review.map import inside
from curator.store import Workspace
from tests.review.conftest import IMAGES, Server

SQUARE = [[-2, -2], [2, -2], [2, 2], [-2, 2]]


def ready(server: Server) -> bool:
    """Ask for the map until it is there."""
    for _ in range(600):
        if server.get("/api/map")["ready"]:
            return True
        time.sleep(0.2)
    return False


def test_points_and_colours_are_of_all_images(workspace: Workspace, serve: Callable[..., Server]) -> None:
    places = make_layout(workspace)
    server = serve()
    assert ready(server)
    data = server.ask("GET", "/api/map/points")[2]
    assert np.array_equal(np.frombuffer(data[: 8 * IMAGES], "<f4").reshape(-1, 2), places)
    ids = np.frombuffer(data[8 * IMAGES :], "<i4").tolist()
    assert sorted(ids) == sorted(row.id for row in workspace.catalog.ready())
    server.post("/api/label", client="c", action="a", ids=[ids[7]], label="seven", view="search")
    colours = np.frombuffer(server.ask("GET", "/api/map/colours?by=given")[2], np.uint8)
    assert colours[7] == 0
    assert (np.delete(colours, 7) == 255).all()
    assert server.ask("GET", "/api/map/colours?by=odd")[0] == 400


def test_the_page_makes_a_map_where_there_is_none(server: Server) -> None:
    assert ready(server)
    assert server.post("/api/map/inside", corners=SQUARE)["count"] == IMAGES


@pytest.mark.parametrize(
    "corners", [None, [], [[0, 0]], "x", [[0, 0, 0]] * 3, [[1e999, 0], [0, 0], [1, 1]], [[0, 0]] * 5000]
)
def test_a_lasso_that_is_none_is_refused(fortress: Server, corners: object) -> None:
    assert fortress.ask("POST", "/api/map/inside", {"corners": corners})[0] == 400


def test_a_lasso_labels_what_it_holds(
    workspace: Workspace, serve: Callable[..., Server], open_page: Callable[[Server], Page]
) -> None:
    make_layout(workspace)
    page = open_page(serve())
    page.get_by_role("button", name="Map", exact=True).click()
    page.locator(".legend").wait_for(state="attached")
    page.wait_for_function("() => document.querySelector('#progress').textContent.includes('240')")
    box = page.locator(".canvas canvas").first.bounding_box()
    assert box is not None
    page.keyboard.press("l")
    corners = [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)]
    for place, (x, y) in enumerate(corners):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if place == 0:
            page.keyboard.down("Shift")
            page.mouse.down()
    page.mouse.up()
    page.keyboard.up("Shift")
    page.get_by_role("heading", name="240 images inside").wait_for()
    page.locator(".tiles.small button").first.click()  # this one is left out
    page.get_by_role("combobox", name="Class").fill("anything")
    page.keyboard.press("Enter")
    page.get_by_text("239 images: anything").wait_for()
    assert len(list(workspace.labels.rows())) == IMAGES - 1
    page.keyboard.press("Backspace")
    page.get_by_text("239 images taken back").wait_for()
    assert not list(workspace.labels.rows())


corner = st.tuples(st.floats(-1, 1), st.floats(-1, 1))


@given(st.lists(corner, min_size=3, max_size=8), st.integers(0, 2**32 - 1))
def test_inside_agrees_with_winding_of_a_triangle(corners: list[tuple[float, float]], seed: int) -> None:
    triangle = np.array(corners[:3])
    points = np.random.default_rng(seed).uniform(-1, 1, (200, 2))
    a, b, c = triangle
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    if abs(area) < 1e-6:
        return
    s = ((points[:, 0] - a[0]) * (c[1] - a[1]) - (points[:, 1] - a[1]) * (c[0] - a[0])) / area
    t = ((b[0] - a[0]) * (points[:, 1] - a[1]) - (b[1] - a[1]) * (points[:, 0] - a[0])) / area
    clear = np.minimum(np.minimum(np.abs(s), np.abs(t)), np.abs(1 - s - t)) > 1e-9
    expected = (s > 0) & (t > 0) & (s + t < 1)
    assert np.array_equal(inside(points, triangle)[clear], expected[clear])
