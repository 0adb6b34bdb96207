"""First screen, and key to next image, of one person."""

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.review._serving import Page, make_workspace, serving
from curator.store import Workspace


def latency(images: int, labels: int, seconds: float) -> None:
    """First screen and next image, as the page's requests see them."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder), images)
        begun = time.perf_counter()
        with serving(workspace) as (_, address):
            print(f"{images:,} images; server up in {time.perf_counter() - begun:.1f} s")
            page = Page(address)
            _first_screen(page)
            _next_images(page, workspace, labels, seconds)


def _first_screen(page: Page) -> None:
    begun = time.perf_counter()
    page.ask("GET", "/")
    page.ask("GET", "/api/session")
    answer = page.ask("GET", "/api/label?client=b")
    page.ask("GET", f"/image/{answer['cards'][0]['id']}/large")
    print(f"first screen: {time.perf_counter() - begun:.2f} s")


def _next_images(page: Page, workspace: Workspace, labels: int, seconds: float) -> None:
    truth = {row.id: row.path.split("/")[0] for row in workspace.catalog.ready()}
    answer, page.times = page.ask("GET", "/api/label?client=b"), []
    rounds = {answer["progress"]["round"]}
    for number in range(labels):
        image = answer["cards"][0]["id"]
        said = {"client": "b", "action": str(number), "ids": [image], "label": truth[image], "view": "label"}
        answer = page.ask("POST", "/api/label", said)
        rounds.add(answer["progress"]["round"])
        time.sleep(seconds)
    p50, p95, p100 = np.percentile(page.times, [50, 95, 100])
    print(
        f"key to next image, {labels} labels {seconds} s apart: median {p50:.0f} ms, p95 {p95:.0f}, ", end=""
    )
    print(f"longest {p100:.0f}; the ranking was made anew {len(rounds) - 1} times meanwhile")
