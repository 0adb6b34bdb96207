"""Several people, and other programs, on one workspace while the page is open."""

import json
import signal
import time
from collections.abc import Callable
from http.cookies import SimpleCookie
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route

from curator.jobs.embed import embed
from curator.jobs.propagate import propagate
from curator.jobs.query import query
from curator.jobs.state import load_state
from curator.store import Workspace
from curator.store.labels import LabelEvent
from tests.review.conftest import Server, start_servers
from tests.review.test_label_mode import answer, shown, stored

Serve = Callable[..., Server]
Visit = Callable[[Server], Page]


def told(server: Server, labels: int) -> bool:
    """Whether a server knows of so many labels within a while."""
    for _ in range(200):
        if server.get("/api/progress")["labelled"] == labels:
            return True
        time.sleep(0.1)
    return False


def name_cookie(server: Server, name: str) -> str:
    """Say a name, as a browser does; the cookies that it then sends."""
    status, headers, body = server.ask("POST", "/api/annotator", {"name": name})
    assert status == 200, body
    given = SimpleCookie(headers["set-cookie"])
    assert {"httponly", "samesite=strict"} <= set(headers["set-cookie"].lower().split("; "))
    return "; ".join(
        [f"curator-{server.port}={server.token}", *(f"{each}={given[each].coded_value}" for each in given)]
    )


def cards(server: Server, cookie: str | None = None) -> list[dict[str, object]]:
    headers = {} if cookie is None else {"Cookie": cookie}
    status, _, body = server.ask("GET", "/api/label?client=c", **headers)
    assert status == 200, body
    found: list[dict[str, object]] = json.loads(body)["cards"]
    return found


def test_what_a_command_labels_shows_on_the_open_page(
    server: Server, workspace: Workspace, open_page: Visit
) -> None:
    page = open_page(server)
    first = shown(page)
    rows = [row for row in workspace.catalog.ready() if row.path != first]
    workspace.labels.append(LabelEvent(row.id, row.path[0], "cyd", "csv:x.csv") for row in rows[:-3])
    page.get_by_text(f"{len(rows) - 3} of 240").wait_for()
    assert shown(page) == first  # what somebody looks at stays
    answer(page)
    assert shown(page) in {row.path for row in rows[-3:]}
    predicted = propagate(workspace)[1].set_index("path")["predicted_label"]
    page.locator(".accept .name", has_text=predicted[shown(page)]).wait_for()  # the command's labels teach
    workspace.history.undo()
    workspace.history.undo()
    page.get_by_text("0 of 240").wait_for()


def test_a_name_said_while_the_page_waits_is_not_lost(server: Server, browser: Browser) -> None:
    def late(route: Route) -> None:
        time.sleep(2)
        route.continue_()

    page = browser.new_page()
    page.route("**/api/label?*", late)
    page.goto(server.address)
    page.get_by_role("button", name="Labels are stored as ann").click()
    page.get_by_label("Your name").fill("ben")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Labels are stored as ben").wait_for()
    page.close()


def test_a_key_counts_while_the_page_asks_what_others_did(
    server: Server, workspace: Workspace, open_page: Visit
) -> None:
    page = open_page(server)
    first = shown(page)
    asked: list[Route] = []
    page.route("**/api/label?*id=*", lambda route: asked.append(route))  # never answered before the key
    others = [row for row in workspace.catalog.ready() if row.path != first][:100]
    workspace.labels.append(LabelEvent(row.id, row.path[0], "cyd", "csv:x.csv") for row in others)
    page.get_by_text("100 of 240").wait_for()
    while not asked:
        page.wait_for_timeout(50)
    page.keyboard.press("ArrowRight")
    page.wait_for_function("path => document.querySelector('.caption .path').textContent !== path", arg=first)
    after = shown(page)
    asked[0].continue_()
    page.wait_for_timeout(500)
    assert shown(page) == after


def test_a_name_is_said_once(server: Server, workspace: Workspace, open_page: Visit) -> None:
    ann, ben = open_page(server), open_page(server)
    ben.get_by_role("button", name="Labels are stored as ann").click()
    ben.get_by_label("Your name").fill("ben")
    ben.keyboard.press("Enter")
    ben.get_by_role("button", name="Labels are stored as ben").wait_for()
    ben.reload()
    ben.get_by_role("button", name="Labels are stored as ben").wait_for()
    said = {answer(page): name for _ in range(4) for page, name in ((ann, "ann"), (ben, "ben"))}
    assert len(said) == 8
    assert {path: annotator for path, (_, annotator) in stored(workspace).items()} == said


def test_two_servers_hand_out_different_images(serve: Serve, workspace: Workspace) -> None:
    ann, ben = serve("--annotator", "ann"), serve("--annotator", "ben")
    one, two = ann.get("/api/label?client=c")["cards"], ben.get("/api/label?client=c")["cards"]
    assert len({card["id"] for card in [*one, *two]}) == 8
    ann.post("/api/label", client="c", action="a", ids=[one[0]["id"]], label="cat", view="label")
    assert told(ben, 1)


def test_many_people_all_have_something_to_do(server: Server, workspace: Workspace) -> None:
    given = [
        card["id"] for number in range(20) for card in cards(server, name_cookie(server, f"person {number}"))
    ]
    assert len(given) == len(set(given)) == 80


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM])
def test_a_list_is_left_to_whom_it_was_given(
    serve: Serve, workspace: Workspace, ended_by: signal.Signals
) -> None:
    _, listed = query(workspace, 60, annotator="ann")
    given = set(listed["path"])
    ben, ann = serve("--annotator", "ben"), serve("--annotator", "ann")
    assert not given & {card["path"] for card in ben.get("/api/label?client=c")["cards"]}
    assert given & {card["path"] for card in ann.get("/api/label?client=c")["cards"]}
    ann.process.send_signal(ended_by)
    ann.process.wait()
    assert len(workspace.assignments.held("ann")) == 60  # the page let go of what was its own


def test_an_overlap_is_of_what_others_labelled_and_does_not_tell_what(
    serve: Serve, workspace: Workspace
) -> None:
    known = list(workspace.catalog.ready())[:40]
    workspace.labels.append(LabelEvent(row.id, row.path[0], "ann", "csv:x.csv") for row in known)
    ben = serve("--annotator", "ben", "--overlap", "0.25")
    shared = []
    for number in range(40):
        card = ben.get("/api/label?client=c")["cards"][0]
        if card["path"] in {row.path for row in known}:
            shared.append(card["path"])
            assert "label" not in card
            assert card["proposals"] == []
            assert "agreement" in card["reason"]
        ben.post("/api/label", client="c", action=str(number), ids=[card["id"]], label="cat", view="label")
    assert len(shared) == len(set(shared)) == 10
    assert ben.post("/api/undo", client="c", view="label")["cards"][0]["id"] == card["id"]


def test_what_is_to_be_judged_again_is_told_nowhere_until_it_is(serve: Serve, workspace: Workspace) -> None:
    known = list(workspace.catalog.ready())[:40]
    workspace.labels.append(LabelEvent(row.id, row.path[0], "ann", "csv:x.csv") for row in known)
    server, place = serve("--annotator", "ben", "--overlap", "0.5"), load_state(workspace).image_ids.tolist()
    card = server.get("/api/label?client=c")["cards"][0]
    image, label = card["id"], card["path"][0]
    assert image in {row.id for row in known}

    def told(name: str = "ben", tab: str = "c") -> list[bool]:
        """Whether search, map and classes tell what the image is labelled, or likely to be."""
        cookie = {"Cookie": name_cookie(server, name)}
        found = json.loads(server.ask("POST", "/api/search", {"id": image, "client": tab}, **cookie)[2])
        colours = [
            server.ask("GET", f"/api/map/colours?by={by}&client={tab}", **cookie)[2]
            for by in ("given", "proposed")
        ]
        asked = f"/api/class?name={label}&most=60&client={tab}"
        listed = json.loads(server.ask("GET", asked, **cookie)[2])["images"]
        return [
            bool(found["images"][0]["label"] or found["images"][0]["proposals"]),
            *(each[place.index(image)] != 255 for each in colours),
            image in [each["id"] for each in listed],
        ]

    assert told() == told(tab="d") == [False] * 4
    assert told("ann") == [True] * 4
    for number in range(8):  # nor is it among the neighbours of another, nor a suspect
        for other in server.get("/api/label?client=d")["cards"]:
            assert image not in [near["id"] for near in other["neighbors"]]
        said = {"client": "d", "action": str(number), "ids": [other["id"]], "label": "1"}
        server.post("/api/label", view="label", **said)
    assert image not in [each["id"] for each in server.get("/api/doubts?client=c")["cards"]]

    server.post("/api/label", client="c", action="a", ids=[image], label=label, view="label")
    assert told() == [True] * 4
    again = server.post("/api/undo", client="c", view="label")["cards"][0]
    assert (again["id"], again["proposals"]) == (image, [])
    assert told() == [False] * 4


def test_undo_goes_on_where_an_earlier_sitting_ended(serve: Serve, workspace: Workspace) -> None:
    first = serve("--annotator", "ann")
    said = []
    for number in range(3):
        image = first.get("/api/label?client=c")["cards"][0]["id"]
        first.post("/api/label", client="c", action=str(number), ids=[image], label=str(number), view="label")
        said.append(image)
    first.kill()
    workspace.labels.append([LabelEvent(said[0], "dog", "ben", "csv:x.csv")])
    again = serve("--annotator", "ann")
    undone = [again.post("/api/undo", client="d", view="label") for _ in range(4)]
    assert [each["changed"] for each in undone] == [1, 1, 1, 0]
    assert [each["cards"][0]["id"] for each in undone[:3]] == said[::-1]
    assert {row.label for row in workspace.labels.rows()} == {"dog"}
    for _ in range(3):
        again.post("/api/redo", client="d", view="label")
    assert len(list(workspace.labels.rows())) == 3


@pytest.mark.parametrize("name", ["", "   ", 7, None, "a\nb", "x" * 300])
def test_names_that_are_none_are_refused(fortress: Server, name: object) -> None:
    assert fortress.ask("POST", "/api/annotator", {"name": name})[0] == 400


def test_another_server_of_this_machine_cannot_name_a_browser(server: Server, workspace: Workspace) -> None:
    image = cards(server)[0]["id"]
    usual = f"curator-{server.port}={server.token}"
    genuine = name_cookie(server, "bén; <b>")
    forged = [
        f"{usual}; curator-name-{server.port}={value}"
        for value in (
            "Y3lk",
            "Y3lk.",
            "Y3lk." + "0" * 64,
            "Y3lk." + genuine.rpartition(".")[2],
            ".",
            "=.=",
            "é.x",
        )
    ]
    said = {"ids": [image], "label": "cat", "view": "label"}
    for number, cookie in enumerate([*forged, genuine]):
        body = {**said, "client": "c", "action": str(number)}
        assert server.ask("POST", "/api/label", body, Cookie=cookie)[0] == 200
        name = "bén; <b>" if cookie == genuine else "ann"
        assert [row.annotator for row in workspace.labels.rows()] == [name]
    assert server.ask("POST", "/api/annotator", {"name": "x"}, Cookie=None)[0] == 403
    assert server.ask("POST", "/api/annotator", {"name": "x"}, Origin="http://evil.example")[0] == 403


def test_the_page_works_on_a_database_server(postgresql_address: str, template: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / ".curator", template / "photos", database=postgresql_address)
    embed(workspace)
    for start in start_servers(workspace):
        ann, ben = start("--annotator", "ann"), start("--annotator", "ben", "--overlap", "0.5")
        image = ann.get("/api/label?client=c")["cards"][0]["id"]
        ann.post("/api/label", client="c", action="a", ids=[image], label="cat", view="label")
        assert told(ben, 1)
        assert ben.get("/api/label?client=c")["cards"][0]["id"] == image
        ben.post("/api/label", client="c", action="a", ids=[image], label="dog", view="label")
        assert [each.label for each in workspace.labels.statements()] == ["cat", "dog"]
        assert ann.post("/api/undo", client="c", view="label")["changed"] == 1
        assert [row.annotator for row in workspace.labels.rows()] == ["ben"]


def test_what_is_embedded_meanwhile_is_asked_about_without_a_restart(
    server: Server, workspace: Workspace
) -> None:
    said = []
    for number in range(3):
        image = server.get("/api/label?client=c")["cards"][0]["id"]
        server.post(
            "/api/label", client="c", action=str(number), ids=[image], label=str(number), view="label"
        )
        said.append(image)
    new = workspace.images / "new"
    new.mkdir()
    for number in range(20):
        pixels = np.random.default_rng(number).integers(0, 256, size=(8, 8, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(new / f"{number}.png")
    embed(workspace)
    for _ in range(300):
        if server.get("/api/session")["images"] == 260:
            break
        time.sleep(0.1)
    assert server.get("/api/progress")["labelled"] == 3
    [image] = [row.id for row in workspace.catalog.ready() if row.path == "new/7.png"]
    assert server.post("/api/search", id=image)["images"][0]["id"] == image
    assert server.ask("GET", f"/image/{image}/small")[0] == 200
    undone = server.post("/api/undo", client="c", view="label")
    assert undone["cards"][0]["id"] == said[-1]
