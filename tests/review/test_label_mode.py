"""Label mode in a real browser: what a person does by keys alone, and what is kept of it."""

from collections.abc import Callable
from pathlib import PurePosixPath

import pytest
from playwright.sync_api import Page

from curator.review.app import Review
from curator.review.clients import Client
from curator.store import Workspace
from curator.store.labels import LabelEvent
from tests.review.conftest import MARKUP, Server

Visit = Callable[[Server], Page]


def shown(page: Page) -> str:
    """The path of the image on stage."""
    return page.locator(".caption .path").inner_text()


def true_class(path: str) -> str:
    return f"digit {PurePosixPath(path).parts[0]}"


def answer(page: Page) -> str:
    """Type the class of the image that shows, and wait for the next."""
    path = shown(page)
    page.keyboard.type(true_class(path))
    page.keyboard.press("Enter")
    page.wait_for_function("path => document.querySelector('.caption .path')?.textContent !== path", arg=path)
    return path


def stored(workspace: Workspace) -> dict[str, tuple[str, str]]:
    """Label and annotator by path, as another process reads them."""
    return {row.path: (row.label, row.annotator) for row in workspace.labels.rows()}


def test_twenty_images_by_keys_alone(server: Server, workspace: Workspace, open_page: Visit) -> None:
    page = open_page(server)
    paths = [answer(page) for _ in range(20)]
    assert len(set(paths)) == 20
    assert stored(workspace) == {path: (true_class(path), "ann") for path in paths}
    assert "20 of 240" in page.locator("#progress").inner_text()
    assert "accuracy: known from about 50 labels on" in page.locator("#progress").inner_text()


@pytest.mark.parametrize(
    ("labels", "classes", "said"),
    [
        (3, 2, "known from about 50 labels on"),
        (60, 1, "known from the second class on"),
        (77, 70, "known once 50 labels are of classes with two or more"),
        (77, 2, ""),
        (240, 10, "every image has a label"),
    ],
)
def test_why_no_accuracy_is_known_is_said_as_it_is(
    workspace: Workspace, labels: int, classes: int, said: str
) -> None:
    rows = list(workspace.catalog.ready())[:labels]
    workspace.labels.append(
        LabelEvent(row.id, f"class {place % classes}", "ann", "csv:x.csv") for place, row in enumerate(rows)
    )
    review = Review.of(workspace, "ann")
    assert review.labeling.progress()["unknown"] == (said or "being worked out")
    review.start()
    review.advisor.wait(1, 60)
    progress = review.labeling.progress()
    review.stop()
    assert progress["unknown"] == said
    assert (progress["accuracy"] is None) == bool(said)


def test_an_accuracy_that_waits_for_a_new_solve_says_so(workspace: Workspace) -> None:
    first, more = (list(workspace.catalog.ready())[part] for part in (slice(45), slice(45, 51)))
    workspace.labels.append(LabelEvent(row.id, row.path[0], "ann", "csv:x.csv") for row in first)
    review = Review.of(workspace, "ann")
    review.start()
    before = review.advisor.wait(1, 60).round
    rows = [review.session.row(row.id) for row in more]
    review.labeling.answer(Client("ann", "tab"), "", rows, "1")
    review.advisor.wait(before + 1, 60)
    progress = review.labeling.progress()
    review.stop()
    assert (progress["labelled"], progress["accuracy"]) == (51, None)
    assert progress["unknown"] == "known from about 57 labels on"


def test_numbers_choose_and_back_takes_back(server: Server, workspace: Workspace, open_page: Visit) -> None:
    page = open_page(server)
    first = answer(page)
    second = shown(page)
    page.keyboard.press("1")
    page.wait_for_function(
        "path => document.querySelector('.caption .path').textContent !== path", arg=second
    )
    assert stored(workspace)[second][0] == true_class(first)
    page.keyboard.press("Backspace")
    page.wait_for_function(
        "path => document.querySelector('.caption .path').textContent === path", arg=second
    )
    assert list(stored(workspace)) == [first]
    page.keyboard.press("Shift+Backspace")
    page.wait_for_function("() => document.querySelector('#saved').textContent === 'done again'")
    assert stored(workspace)[second][0] == true_class(first)


def test_keys_typed_into_the_box_choose_nothing(
    server: Server, workspace: Workspace, open_page: Visit
) -> None:
    page = open_page(server)
    answer(page)
    page.get_by_role("combobox").fill("x1")
    page.keyboard.press("1")
    assert page.get_by_role("combobox").input_value() == "x11"
    assert len(stored(workspace)) == 1


def test_a_killed_server_loses_nothing(
    server: Server, workspace: Workspace, open_page: Visit, serve: Callable[..., Server]
) -> None:
    page = open_page(server)
    paths = [answer(page) for _ in range(3)]
    server.kill()
    assert sorted(stored(workspace)) == sorted(paths)
    page.keyboard.press("1")
    page.get_by_text("the server does not answer").wait_for()
    again = open_page(serve())
    assert shown(again) not in paths
    assert "3 of 240" in again.locator("#progress").inner_text()


def test_two_browsers_are_given_different_images(
    server: Server, workspace: Workspace, open_page: Visit
) -> None:
    one, two = open_page(server), open_page(server)
    assert shown(one) != shown(two)
    paths = [answer(page) for _ in range(5) for page in (one, two)]
    assert len(set(paths)) == 10
    assert sorted(stored(workspace)) == sorted(paths)
    one.keyboard.press("Backspace")  # takes back its own last answer, not the other's
    one.wait_for_function(
        "path => document.querySelector('.caption .path').textContent === path", arg=paths[-2]
    )
    assert sorted(stored(workspace)) == sorted(set(paths) - {paths[-2]})


def test_markup_in_names_is_text(server: Server, workspace: Workspace, open_page: Visit) -> None:
    page = open_page(server)
    page.locator(".caption .path").wait_for()  # keys pressed before the first image is there do nothing
    client = page.evaluate("sessionStorage.client")
    image = next(row for row in workspace.catalog.ready() if row.path.endswith(MARKUP))
    label = "<script>document.title = 1</script>"
    said = {"client": client, "action": "a", "ids": [image.id], "label": label, "view": "label"}
    server.post("/api/label", **said)
    page.keyboard.press("Backspace")
    page.get_by_text("taken back").wait_for()
    assert shown(page) == image.path
    assert page.locator(".classes .name").first.inner_text() == label
    assert page.title() == "Label · curator review"


def test_files_that_are_no_images_are_not_served(server: Server, workspace: Workspace) -> None:
    known = workspace.catalog.find(["page.png", "vector.svg"])
    for image in known.values():
        assert server.ask("GET", f"/image/{image.id}/small")[0] == 404
    assert "page.png" in known
