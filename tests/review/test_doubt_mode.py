"""Doubt mode: planted errors come first, and verdicts are kept, counted and taken back."""

import re
import signal
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from curator.audits import SIGNALS
from curator.store import Workspace
from curator.store.labels import LabelEvent
from tests.review.conftest import Server


@pytest.fixture
def planted(workspace: Workspace) -> dict[str, str]:
    """Label all images by their folders, ten of them wrongly; the wrong ones' true classes by path."""
    rows = list(workspace.catalog.ready())
    wrong = {row.path: row.path.split("/")[0] for row in rows[5::24]}

    def label(path: str) -> str:
        digit = int(path.split("/")[0])
        return str((digit + 5) % 10 if path in wrong else digit)

    workspace.labels.append(LabelEvent(row.id, label(row.path), "folders", "folders") for row in rows)
    return wrong


def judge(
    server: Server, card: dict[str, object], verdict: str, label: str | None = None
) -> dict[str, object]:
    said = {"ids": [card["id"]], "verdict": verdict, "label": label, "view": "doubts"}
    answer: dict[str, object] = server.post(
        "/api/doubts", client="c", action=f"{card['id']}{verdict}", **said
    )
    return answer


def test_planted_errors_come_first(planted: dict[str, str], server: Server) -> None:
    cards = server.get("/api/doubts?client=c")["cards"]
    assert all(card["path"] in planted for card in cards)
    for card in cards:
        assert card["suggested"] == planted[card["path"]] != card["label"]
        sides = card["sides"]
        assert [side["label"] for side in sides] == [card["label"], card["suggested"]]
        assert all(near["label"] == side["label"] for side in sides for near in side["neighbors"])
        assert sides[1]["signals"]
        named = [name for side in sides for name in side["signals"]]
        assert len(named) == len(set(named)) <= len(SIGNALS) == len(set(named) | set(SIGNALS))


def test_every_verdict_is_kept_as_what_it_is(
    planted: dict[str, str], server: Server, workspace: Workspace
) -> None:
    keep, fix, ambiguous, none = server.get("/api/doubts?client=c")["cards"]
    judge(server, keep, "keep")
    remaining = server.get("/api/doubts?client=c")["progress"]["remaining"]
    judge(server, fix, "fix", planted[fix["path"]])
    judge(server, ambiguous, "ambiguous")
    progress = judge(server, none, "none")["progress"]
    assert isinstance(progress, dict)
    assert (progress["judged"], progress["wrong"], progress["right"], progress["ambiguous"]) == (4, 2, 1, 1)
    assert progress["precision"] == pytest.approx(2 / 3)
    assert progress["remaining_low"] <= progress["remaining"] <= progress["remaining_high"]
    assert progress["remaining"] == remaining - 2  # the two errors that were found
    verdicts = workspace.labels.verdicts()
    assert verdicts[keep["id"]].label == keep["label"]
    assert verdicts[fix["id"]].label == planted[fix["path"]]
    assert verdicts[ambiguous["id"]].label == ambiguous["label"]
    assert none["id"] not in workspace.labels.current()


def test_a_verdict_taken_back_is_a_verdict_no_more(
    planted: dict[str, str], server: Server, workspace: Workspace
) -> None:
    before = workspace.labels.current()
    card = server.get("/api/doubts?client=c")["cards"][0]
    judge(server, card, "fix", planted[card["path"]])
    answer = server.post("/api/undo", client="c", view="doubts")
    assert answer["cards"][0]["id"] == card["id"]
    assert answer["progress"]["judged"] == 0
    assert workspace.labels.current() == before
    assert workspace.labels.verdicts() == {}


def test_what_was_said_elsewhere_is_taken_back_here_and_is_no_suspect(
    workspace: Workspace, serve: Callable[..., Server]
) -> None:
    first, *others = workspace.catalog.ready()
    workspace.labels.append(LabelEvent(row.id, row.path[0], "folders", "folders") for row in others)
    server = serve()
    said = {"client": "c", "ids": [first.id], "label": "cat"}
    server.post("/api/label", action="a", view="label", **said)
    before = server.get("/api/doubts?client=c")["cards"]
    answer = server.post("/api/undo", client="c", view="doubts")
    assert answer["changed"] == 1
    assert answer["cards"] == before
    assert first.id not in workspace.labels.current()


def test_what_was_judged_is_not_asked_after_a_restart(
    planted: dict[str, str], server: Server, serve: Callable[..., Server]
) -> None:
    cards = server.get("/api/doubts?client=c")["cards"]
    judge(server, cards[0], "keep")
    judge(server, cards[1], "none")
    server.kill()
    again = serve()
    ids = [card["id"] for card in again.get("/api/doubts?client=c")["cards"]]
    assert cards[0]["id"] not in ids
    assert cards[1]["id"] not in ids
    answer = again.get("/api/label?client=c")
    assert cards[1]["id"] not in [card["id"] for card in answer["cards"]]


def test_keys_judge(
    planted: dict[str, str], server: Server, workspace: Workspace, open_page: Callable[[Server], Page]
) -> None:
    page = open_page(server)
    page.get_by_role("button", name="Doubt", exact=True).click()
    seen = []
    for key in ("ArrowRight", "ArrowLeft", "."):
        page.locator(".doubt-mode .accept.fix").wait_for()
        said = page.locator(".side.suggested").inner_text()
        assert re.search("likeliest by (neighborhood|linear head)", said)
        seen.append(page.locator(".caption .path").inner_text())
        page.keyboard.press(key)
        page.wait_for_function(
            "p => document.querySelector('.caption .path').textContent !== p", arg=seen[-1]
        )
    assert "3 of" in page.locator("#progress").inner_text()
    labels = {row.path: (row.label, row.source) for row in workspace.labels.rows()}
    assert labels[seen[0]] == (planted[seen[0]], "verdict:review")
    assert labels[seen[1]][1] == "verdict:review"
    assert labels[seen[2]][1] == "verdict:review:ambiguous"


def test_two_servers_hand_out_different_suspects(
    planted: dict[str, str], serve: Callable[..., Server], workspace: Workspace
) -> None:
    ann, ben = serve("--annotator", "ann"), serve("--annotator", "ben")
    given = [card["id"] for each in (ann, ben) for card in each.get("/api/doubts?client=c")["cards"]]
    assert len(given) == len(set(given)) == 8
    ann.process.send_signal(signal.SIGINT)
    ann.process.wait()
    again = {card["id"] for card in ben.get("/api/doubts?client=d")["cards"]}
    assert again <= set(given[:4])  # ann let go of hers; those of ben's other tab stay there
