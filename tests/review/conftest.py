"""A real server on a free port over a small workspace, and a real browser where there is one."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from sklearn.datasets import load_digits

from curator.jobs.embed import embed
from curator.jobs.layout import make_layout
from curator.store import Workspace
from curator.store.labels import LabelEvent

ROOT = Path(__file__).parents[2]
IMAGES = 240
MARKUP = "<img src=x onerror='document.title=1'>.png"  # a name that some file has
CHROMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


@dataclass
class Server:
    """A running `curator review`, spoken to without a browser."""

    process: subprocess.Popen[str]
    address: str

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 0

    @property
    def token(self) -> str:
        return parse_qs(urlsplit(self.address).query)["token"][0]

    def headers(self, **changed: str | None) -> dict[str, str]:
        """What the page's own requests carry; None leaves one out."""
        usual = {
            "Host": f"127.0.0.1:{self.port}",
            "Origin": f"http://127.0.0.1:{self.port}",
            "Cookie": f"curator-{self.port}={self.token}",
            "Content-Type": "application/json",
        }
        return {name: value for name, value in {**usual, **changed}.items() if value is not None}

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str | None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One raw request: status, headers, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        try:
            connection.request(method, path, data, self.headers(**headers))
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """The JSON that a path answers."""
        status, _, body = self.ask("GET", path)
        assert status == 200, body
        return json.loads(body)

    def post(self, path: str, **said: Any) -> Any:
        """The JSON that a statement is answered with."""
        status, _, body = self.ask("POST", path, said)
        assert status == 200, body
        return json.loads(body)

    def kill(self) -> None:
        """As a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits in folders that name their class, embedded; not labelled."""
    folder = tmp_path_factory.mktemp("review")
    digits = load_digits()
    for number in range(IMAGES):
        path = folder / "photos" / str(digits.target[number]) / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.uint8(digits.images[number] * 15.9)).save(path)
    evil = folder / "photos" / "0" / "000.png"
    evil.rename(evil.with_name(MARKUP))
    (folder / "photos" / "vector.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>")
    (folder / "photos" / "page.png").write_text("<html><script>alert(1)</script></html>")
    embed(Workspace.create(folder / ".curator", folder / "photos"))
    return folder


@pytest.fixture
def workspace(template: Path, tmp_path: Path) -> Workspace:
    """A workspace of its own for each test."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return Workspace.open(tmp_path / ".curator")


@pytest.fixture
def half_labelled(workspace: Workspace) -> Workspace:
    """Half of the images have a label, a few of them a wrong one, and there is a map."""
    rows = list(workspace.catalog.ready())[::2]
    wrong = {row.id for row in rows[5::24]}
    workspace.labels.append(
        LabelEvent(row.id, str((int(row.path[0]) + 5 * (row.id in wrong)) % 10), "ann", "csv:x.csv")
        for row in rows
    )
    make_layout(workspace)
    return workspace


def start_servers(workspace: Workspace) -> Iterator[Callable[..., Server]]:
    """Yield what starts `curator review` as a process of its own; end all of them afterwards."""
    running: list[subprocess.Popen[str]] = []

    def start(*options: str) -> Server:
        command = [sys.executable, "-m", "curator_cli", "review", "-w", str(workspace.folder), "--no-browser"]
        paths = os.pathsep.join(str(ROOT / part) for part in (".", "indexes", "cli"))
        process = subprocess.Popen(
            [*command, "--port", "0", *options],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
        )
        running.append(process)
        assert process.stdout is not None
        return Server(process, process.stdout.readline().strip())

    yield start
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def serve(workspace: Workspace) -> Iterator[Callable[..., Server]]:
    """Start servers over the test's own workspace."""
    yield from start_servers(workspace)


@pytest.fixture(scope="module")
def fortress(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all attacks that must change nothing."""
    folder = tmp_path_factory.mktemp("fortress")
    shutil.copytree(template, folder, dirs_exist_ok=True)
    for start in start_servers(Workspace.open(folder / ".curator")):
        yield start()


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    """One running server."""
    return serve("--annotator", "ann")


def _launch(playwright: Playwright) -> Browser:
    own = Path(playwright.chromium.executable_path)
    installed = next(filter(None, map(shutil.which, CHROMES)), None)
    if not own.exists() and installed is None:
        pytest.skip("no browser: `make test` installs one, or install chromium")
    return playwright.chromium.launch(executable_path=None if own.exists() else installed, args=FLAGS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium; its absence is the only reason to skip."""
    with sync_playwright() as playwright:
        found = _launch(playwright)
        yield found
        found.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[[Server], Page]]:
    """Open the page in a browser profile of its own; an error in its scripts fails the test."""
    contexts = []
    errors: list[str] = []

    def visit(server: Server) -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(server.address)
        page.locator("nav button[aria-current]").wait_for()
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not errors


def tabs(page: Page) -> dict[str, str]:
    """The modes in the order of their tabs: ids by titles."""
    buttons = page.locator("nav button").all()
    return {each.inner_text(): (each.get_attribute("id") or "").removeprefix("mode-") for each in buttons}


def go_by_keys(page: Page, title: str) -> None:
    """Go to a mode as who has no mouse does, wherever its tab is."""
    current = page.locator("nav button[aria-current]")
    while (now := current.inner_text()) != title:
        page.keyboard.press("]")
        page.wait_for_function(
            "now => document.querySelector('nav [aria-current]').textContent !== now", arg=now
        )
