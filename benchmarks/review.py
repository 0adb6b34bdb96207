"""How quickly the review page answers, and how far a person gets on it.

    python -m benchmarks.review latency [--images 100000] [--labels 200]
    python -m benchmarks.review effort IMAGES [--decisions 300] [--seconds 0.2]

`latency` makes a workspace of that many synthetic images with a random projection for an encoder, starts
`curator review` over it, and labels in one go without pause, as no person would. `effort` lets a scripted
person who knows the truth (the folders of IMAGES) label one by one, and in grids of look-alikes. Each look at
a screen, each key and each click is a decision, and takes as long as `--seconds` says.
"""

import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import numpy as np
import numpy.typing as npt
from PIL import Image

from curator.encoders import EncoderSpec
from curator.jobs import embed as embedding
from curator.propagation import propagate
from curator.review.app import Review
from curator.review.session import Ids
from curator.store import Workspace

CLASSES, SIDE, DIM = 10, 16, 64
FIRST = 100  # decisions one by one, before the grid is worth it
MARKS = (25, 50, 100, 200, 400, 800)


class Projection:
    """A seeded random projection of the pixels."""

    batch_size = 512
    device = "cpu"
    spec = EncoderSpec(
        name="projection",
        input_size=SIDE,
        dim=DIM,
        weights_sha256="seeded",
        pooling="none",
        licence="none",
        source="benchmark",
    )

    def encode(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Unit vectors float32 [b, d] of pixels uint8 [b, s, s, 3]."""
        basis = np.random.default_rng(0).normal(size=(SIDE * SIDE * 3, DIM))
        features = (pixels.reshape(len(pixels), -1) / 255 - 0.5) @ basis
        unit: npt.NDArray[np.float32] = features / np.linalg.norm(features, axis=1, keepdims=True)
        return unit.astype(np.float32)


def make_workspace(folder: Path, images: int) -> Workspace:
    """Noisy pictures of ten patterns in one folder each, embedded."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(40, 215, size=(CLASSES, SIDE, SIDE, 3))
    for name in range(CLASSES):
        (folder / "photos" / f"class {name}").mkdir(parents=True)
    for number in range(images):
        kind = int(rng.integers(CLASSES))
        pixels = np.clip(patterns[kind] + rng.normal(0, 60, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(
            folder / "photos" / f"class {kind}" / f"{number:06}.png", compress_level=1
        )
    workspace = Workspace.create(folder / ".curator", folder / "photos")
    with patch.object(embedding, "load_encoder", lambda *_args, **_options: Projection()):
        embedding.embed(workspace)
    return workspace


class Page:
    """Speaks to a server as the page does."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=120)
        token, origin = parse_qs(parts.query)["token"][0], f"http://127.0.0.1:{parts.port}"
        self._headers = {
            "Cookie": f"curator-{parts.port}={token}",
            "Origin": origin,
            "Content-Type": "application/json",
        }
        self.times: list[float] = []

    def ask(self, method: str, path: str, said: dict[str, Any] | None = None) -> Any:
        """The answer; its time in milliseconds is noted."""
        begun = time.perf_counter()
        body = None if said is None else json.dumps(said)
        self._connection.request(method, path, body, self._headers)
        data = self._connection.getresponse().read()
        self.times.append(1000 * (time.perf_counter() - begun))
        return json.loads(data) if path.startswith("/api") else data


def latency(images: int, labels: int, seconds: float) -> None:
    """First screen and next image, as the page's requests see them."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder), images)
        command = [sys.executable, "-m", "curator_cli", "review", "-w", str(workspace.folder)]
        begun = time.perf_counter()
        server = subprocess.Popen(
            [*command, "--no-browser", "--port", "0"], stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout is not None
            page = Page(server.stdout.readline().strip())
            print(f"{images:,} images; server up in {time.perf_counter() - begun:.1f} s")
            _first_screen(page)
            _next_images(page, workspace, labels, seconds)
        finally:
            server.kill()
            server.wait()


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


def effort(images: Path, decisions: int, seconds: float) -> None:
    """Labels a minute, and accuracy on the unlabelled rest, by decisions."""
    with tempfile.TemporaryDirectory() as folder:
        for mode in ("one by one", "grid", f"grid after {FIRST}"):
            workspace = Workspace.create(Path(folder) / mode.replace(" ", "-"), images)
            embedding.embed(workspace)
            _label_by(workspace, mode, decisions, seconds)


def _label_by(workspace: Workspace, mode: str, decisions: int, seconds: float) -> None:
    review = Review.of(workspace, "script")
    session = review.session
    paths = [image.path for image in session.state.images(np.arange(session.n))]
    truth = [path.split("/")[0] for path in paths]
    review.advisor.start()
    taken, begun, marks = 0, time.perf_counter(), [mark for mark in MARKS if mark <= decisions]
    pause = 0.0  # time of measuring, which no person spends
    while marks:
        first = decisions if mode == "one by one" else FIRST if mode.endswith(str(FIRST)) else 0
        step = _one if taken < first else _grid
        spent = step(review, truth)
        taken += spent
        time.sleep(spent * seconds)
        if taken >= marks[0]:
            stopped = time.perf_counter()
            minutes = (stopped - begun - pause) / 60
            given = int((session.labels >= 0).sum())
            right = _accuracy(review, truth)
            print(f"{mode}: {taken} decisions, {given} labels, {given / minutes:.0f} a minute, ", end="")
            print(f"accuracy of the rest {right:.1%}", flush=True)
            marks = [mark for mark in marks if mark > taken]
            pause += time.perf_counter() - stopped
    review.advisor.stop()


def _one(review: Review, truth: list[str]) -> int:
    card = review.labeling.next("script")["cards"][0]
    row = review.session.row(card["id"])
    review.labeling.answer("script", "", [row], truth[row])
    return 1


def _grid(review: Review, truth: list[str]) -> int:
    """One decision for the class of most tiles, and one for each tile that is left out."""
    rows = [review.session.row(tile["id"]) for tile in review.labeling.group("script")["tiles"]]
    label, _ = Counter(truth[row] for row in rows).most_common(1)[0]
    fitting = [row for row in rows if truth[row] == label]
    if len(fitting) * 3 < len(rows):  # clicking most tiles away is no help: the person asks for others
        review.labeling.pass_over("script", rows[:1])
        return 1
    review.labeling.answer("script", "", fitting, label)
    return 1 + len(rows) - len(fitting)


def _accuracy(review: Review, truth: list[str]) -> float:
    session, state = review.session, review.session.state
    labels: Ids = session.labels.copy()
    soft = propagate(state.graph, labels, embeddings=state.embeddings, n_classes=len(session.names))
    rest = np.flatnonzero(labels < 0)
    return float(np.mean([session.names[soft.predictions[row]] == truth[row] for row in rest]))


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    quick = parts.add_parser("latency")
    quick.add_argument("--images", type=int, default=100_000)
    quick.add_argument("--labels", type=int, default=200)
    quick.add_argument("--seconds", type=float, default=0.2)
    far = parts.add_parser("effort")
    far.add_argument("images", type=Path)
    far.add_argument("--decisions", type=int, default=400)
    far.add_argument("--seconds", type=float, default=0.2)
    arguments = parser.parse_args()
    if arguments.part == "latency":
        latency(arguments.images, arguments.labels, arguments.seconds)
    else:
        effort(arguments.images, arguments.decisions, arguments.seconds)


if __name__ == "__main__":
    main()
