"""Grid mode: images of one proposed class together, and what is left out of them one by one."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from curator.review.app import Review
from curator.review.clients import Client
from curator.review.grid import SURE
from curator.store import Workspace
from curator.store.labels import LabelEvent
from tests.review.conftest import Server


@pytest.fixture
def labelled(workspace: Workspace) -> Workspace:
    """A third of the images has the right label."""
    rows = list(workspace.catalog.ready())[::3]
    workspace.labels.append(LabelEvent(row.id, row.path[0], "ann", "csv:x.csv") for row in rows)
    return workspace


def group(server: Server, client: str) -> dict[str, Any]:
    """A grid of several images, once there is a ranking to choose it from."""
    for _ in range(600):
        found: dict[str, Any] = server.get(f"/api/grid?client={client}")
        if len(found["tiles"]) > 2:
            return found
        time.sleep(0.1)
    raise AssertionError(found)


def label(server: Server, client: str, tiles: list[dict[str, Any]], name: str, **more: Any) -> dict[str, Any]:
    said = {"ids": [tile["id"] for tile in tiles], "label": name, "view": "grid", **more}
    answer: dict[str, Any] = server.post("/api/label", client=client, action=str(tiles[0]["id"]), **said)
    return answer


def test_what_is_left_out_comes_next_and_alone(labelled: Workspace, server: Server) -> None:
    found = group(server, "c")
    one, two, *others = found["tiles"]
    proposed = found["cards"][0]["proposals"][0]["label"]
    left_out = [one["id"], two["id"]]
    found = label(server, "c", others, proposed, left_out=left_out)
    assert (found["tiles"], found["rejected"]) == ([one], proposed)
    found = label(server, "c", [one], "other")
    assert (found["tiles"], found["rejected"]) == ([two], proposed)
    found = server.post("/api/skip", client="c", ids=[two["id"]], view="grid")
    assert found["rejected"] is None
    assert two not in found["tiles"]


def test_two_grids_share_no_image(labelled: Workspace, server: Server) -> None:
    one, two = group(server, "c")["tiles"], server.get("/api/grid?client=d")["tiles"]
    assert not {tile["id"] for tile in one} & {tile["id"] for tile in two}


def test_a_grid_is_probably_of_one_class_and_alone_until_classes_are_known(workspace: Workspace) -> None:
    rows = list(workspace.catalog.ready())
    client = Client("ann", "tab")
    fresh = Review.of(workspace, "ann")
    fresh.start()
    assert len(fresh.modes["grid"].next(client)["tiles"]) == 1
    fresh.stop()
    workspace.labels.append(LabelEvent(row.id, row.path[0], "ann", "csv:x.csv") for row in rows[::3])
    review = Review.of(workspace, "ann")
    review.start()
    advice = review.advisor.wait(1, 60)
    tiles = [review.session.row(tile["id"]) for tile in review.modes["grid"].next(client)["tiles"]]
    review.stop()
    assert len(tiles) > 2
    assert advice.probabilities is not None
    shares = advice.probabilities[tiles]
    assert len(set(shares.argmax(axis=1).tolist())) == 1
    assert (shares.max(axis=1) >= SURE).all()
    ranking = advice.ranking.tolist()
    assert sorted(tiles, key=ranking.index) == tiles
    assert not workspace.assignments.held("ann")  # a stopped page holds nothing


def test_clicks_leave_out_and_enter_takes_the_rest(
    labelled: Workspace, server: Server, open_page: Callable[[Server], Page]
) -> None:
    group(server, "other")  # there is a ranking
    page = open_page(server)
    page.get_by_role("button", name="Grid", exact=True).click()
    tiles = page.locator(".tiles button")
    tiles.nth(1).wait_for()
    count, before = tiles.count(), len(labelled.labels.current())
    proposed = page.locator(".accept .name").inner_text()
    tiles.nth(0).click()
    page.get_by_text(f"for {count - 1} image").wait_for()
    page.locator("#stage").focus()
    page.keyboard.press("Enter")
    page.get_by_text(f"left out before: not {proposed}").wait_for()
    assert tiles.count() == 1
    assert len(labelled.labels.current()) == before + count - 1
    assert page.locator(".accept .name").inner_text() != proposed
    page.keyboard.press("Backspace")
    page.get_by_text("taken back").wait_for()
    assert len(labelled.labels.current()) == before
