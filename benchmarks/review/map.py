"""The map of a hundred thousand images and more: made once, sent, drawn."""

import shutil
import tempfile
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Page, sync_playwright

import curator
from curator.pictures.layout import layout as lay_out
from curator.pictures.layout import place
from curator.pictures.palette import palettes
from curator.review.app import STATIC

CLUSTERS, DIM = 100, 32
_FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_FRAMES = 20
_DRAW = """async ([count, zoom, every, frames]) => {
    const { Points } = await import("/static/points.js");
    const canvas = document.querySelector("canvas");
    const data = await (await fetch("/points.bin")).arrayBuffer();
    const tables = new Uint8Array(await (await fetch("/palettes.bin")).arrayBuffer());
    const begun = performance.now();
    const points = new Points(canvas);
    points.load(new Float32Array(data, 0, 2 * count));
    points.paint(new Uint8Array(count).map((_, i) => i % 10), tables.subarray(0, 1024));
    const unit = 0.94 * zoom * Math.min(canvas.width, canvas.height) / 2;
    const view = { x: 0, y: 0, scaleX: 2 * unit / canvas.width, scaleY: 2 * unit / canvas.height, size: 1.6 };
    points.measure(view);
    const loaded = performance.now() - begun;
    let spent = 0;
    for (let i = 0; i < frames; i++) spent += points.measure({ ...view, x: i * 0.001, every });
    return [loaded, spent / frames];
}"""


def draw_map(sizes: list[int], *, layout: bool) -> None:
    """Print times and bytes for each number of points."""
    for size in sizes:
        vectors = _clusters(size)
        if layout:
            places = _laid_out(vectors)
        else:
            places = np.random.default_rng(0).uniform(-1, 1, (size, 2)).astype(np.float32)
        _draw(places)


def _clusters(size: int) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(0)
    middles = rng.normal(size=(CLUSTERS, DIM))
    vectors = middles[rng.integers(CLUSTERS, size=size)] + 0.8 * rng.normal(size=(size, DIM))
    unit: npt.NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(
        np.float32
    )
    return unit


def _laid_out(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    graph = curator.knn_graph(vectors, k=15)
    lay_out(curator.knn_graph(vectors[:500], k=15), embeddings=vectors[:500])  # compiles
    begun = time.perf_counter()
    places = lay_out(graph, embeddings=vectors)
    made = time.perf_counter() - begun
    known = places.copy()
    known[::100] = np.nan
    begun = time.perf_counter()
    place(graph, known)
    print(f"{len(vectors):,} points: laid out in {made:.0f} s; a hundredth of them placed anew in ", end="")
    print(f"{time.perf_counter() - begun:.2f} s", flush=True)
    return places


def _draw(places: npt.NDArray[np.float32]) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        site, count = Path(folder), len(places)
        (site / "static").symlink_to(STATIC)
        sent = places.astype("<f4").tobytes() + np.arange(count, dtype="<i4").tobytes()
        (site / "points.bin").write_bytes(sent)
        (site / "palettes.bin").write_bytes(palettes())
        (site / "index.html").write_text("<canvas width=900 height=640></canvas>")
        print(
            f"{count:,} points: {len(sent) / 1e6:.1f} MB of places and ids, {count / 1e6:.1f} MB a colouring"
        )
        own = Path(playwright.chromium.executable_path)
        browser = playwright.chromium.launch(
            executable_path=None if own.exists() else shutil.which("chromium"), args=_FLAGS
        )
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
        for zoom in (1, 8):
            _tell(page, count, zoom)
        server.shutdown()
        browser.close()


def _tell(page: Page, count: int, zoom: int) -> None:
    loaded, whole = page.evaluate(_DRAW, [count, zoom, 1, _FRAMES])
    every = min(max(round(whole / 30), 1), 31)  # as the page thins points out while it is moved
    _, moved = page.evaluate(_DRAW, [count, zoom, every, _FRAMES])
    print(f"zoom {zoom}: loaded in {loaded:.0f} ms, {whole:.0f} ms a frame, ", end="")
    print(f"{moved:.0f} ms while it is moved (1 point in {every})", flush=True)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""
