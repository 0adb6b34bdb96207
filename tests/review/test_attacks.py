"""What other sites, other users and odd files try on the page."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from curator.store import Workspace
from tests.review.conftest import Server

LABEL = {"client": "c", "action": "a", "label": "cat", "view": "label"}


def first_image(server: Server) -> int:
    return int(server.get("/api/label")["cards"][0]["id"])


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", ""])
def test_another_host_name_is_refused(fortress: Server, host: str) -> None:
    for path in ("/", f"/?token={fortress.token}", "/api/session", "/static/main.js"):
        assert fortress.ask("GET", path, Host=host)[0] in (400, 421)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:1", None])
def test_another_origin_can_change_nothing(fortress: Server, origin: str | None) -> None:
    said = {**LABEL, "ids": [first_image(fortress)]}
    assert fortress.ask("POST", "/api/label", said, Origin=origin)[0] == 403
    assert fortress.get("/api/session")["labelled"] == 0


def test_another_origin_can_read_nothing(fortress: Server) -> None:
    status, headers, _ = fortress.ask("GET", "/api/label", Origin="http://evil.example")
    assert status == 403
    assert not [name for name in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("cookie", [None, "curator-1=x", "curator-{port}=", "curator-{port}=wrong"])
def test_without_the_token_there_is_nothing(fortress: Server, cookie: str | None) -> None:
    given = cookie and cookie.format(port=fortress.port)
    for path in ("/", "/?token=wrong", "/api/session", "/static/main.js", "/image/1/small"):
        assert fortress.ask("GET", path, Cookie=given)[0] == 403


def test_the_cookie_is_for_this_site_and_for_no_script(fortress: Server) -> None:
    status, headers, _ = fortress.ask("GET", f"/?token={fortress.token}", Cookie=None)
    assert status == 200
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(headers["set-cookie"].split("; "))
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "path",
    [
        "/image/../../etc/passwd/small",
        "/image/%2e%2e%2f%2e%2e%2fetc%2fpasswd/small",
        "/image//etc/passwd",
        "/image/1/../../../etc/passwd",
        "/image/-1/small",
        "/image/999999999999999999999999/small",
        "/image/1%00/small",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static//etc/passwd",
    ],
)
def test_no_path_leads_out(fortress: Server, path: str) -> None:
    status, _, body = fortress.ask("GET", path)
    assert status in (400, 404)
    assert b"root:" not in body
    assert b"import" not in body


def test_pictures_are_made_by_us(server: Server, workspace: Workspace) -> None:
    image = first_image(server)
    status, headers, body = server.ask("GET", f"/image/{image}/large")
    assert (status, headers["content-type"], headers["x-content-type-options"]) == (
        200,
        "image/jpeg",
        "nosniff",
    )
    assert body.startswith(b"\xff\xd8\xff")
    path = workspace.images / workspace.catalog.by_ids([image])[0].path
    path.write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    other = server.ask("GET", f"/image/{image}/small")
    assert other[0] == 404
    assert b"<svg" not in other[2]


def test_ten_megabytes_of_json_are_refused(fortress: Server) -> None:
    body = json.dumps({**LABEL, "label": "x" * 10_000_000}).encode()
    try:
        status = fortress.ask("POST", "/api/label", body)[0]
    except ConnectionError:  # refused before all of it was sent
        status = 413
    assert status == 413
    assert fortress.get("/api/session")["labelled"] == 0


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"ids": []},
        {"ids": "1"},
        {"ids": [True]},
        {"ids": [1.5]},
        {"ids": [10**30]},
        {"ids": [-1]},
        {"ids": [1], "label": ""},
        {"ids": [1], "label": 7},
        {"ids": [1], "label": "a\nb"},
        {"ids": [1], "label": "x" * 1000},
        {"ids": [1, 1], "label": "cat"},
        {"ids": [1], "label": "cat", "client": "x" * 1000},
    ],
)
def test_statements_that_make_no_sense_are_refused(fortress: Server, said: dict[str, object]) -> None:
    assert fortress.ask("POST", "/api/label", {**said, "view": "label"})[0] == 400
    assert fortress.get("/api/session")["labelled"] == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff", b"[" * 100_000])
def test_bodies_that_are_no_json_object_are_refused(fortress: Server, body: bytes) -> None:
    assert fortress.ask("POST", "/api/label", body)[0] == 400


def test_a_form_of_another_site_cannot_post(fortress: Server) -> None:
    assert fortress.ask("POST", "/api/undo", b"x=1", **{"Content-Type": "text/plain"})[0] == 415


def test_the_same_action_twice_counts_once(server: Server, workspace: Workspace) -> None:
    said = {**LABEL, "ids": [first_image(server)]}
    for _ in range(3):
        assert server.ask("POST", "/api/label", said)[0] == 200
    assert server.post("/api/undo", client="c", view="label")["changed"] == 1
    assert not list(workspace.labels.rows())
    assert server.post("/api/undo", client="c", view="label")["changed"] == 0


@pytest.mark.parametrize("view", [None, "group", "Label", "", 7, ["label"], "x" * 1000])
@pytest.mark.parametrize("path", ["label", "skip", "undo", "redo"])
def test_a_view_that_is_none_is_refused_and_nothing_done(fortress: Server, path: str, view: object) -> None:
    said = {**LABEL, "ids": [first_image(fortress)], "view": view}
    status, _, body = fortress.ask("POST", f"/api/{path}", said)
    assert status == 400
    assert "wanted label, grid, " in json.loads(body)["error"]
    assert len(body) < 300
    assert fortress.get("/api/session")["labelled"] == 0


def test_a_thousand_requests_at_once_are_all_answered(fortress: Server) -> None:
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: fortress.ask("GET", "/api/label")[0], range(1000)))
    assert set(answers) == {200}
