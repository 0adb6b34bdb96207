"""A workspace of synthetic images, `curator review` over it, and a client that speaks as the page does."""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import numpy as np
import numpy.typing as npt
from PIL import Image

from curator.encoders import EncoderSpec
from curator.jobs import embed as embedding
from curator.store import Workspace

CLASSES, SIDE, DIM = 10, 16, 64


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

    def name(self, name: str) -> None:
        """Say who labels, and keep the cookie that this is remembered in."""
        self._connection.request("POST", "/api/annotator", json.dumps({"name": name}), self._headers)
        answer = self._connection.getresponse()
        answer.read()
        given = str(answer.getheader("set-cookie")).split(";")[0]
        self._headers["Cookie"] += f"; {given}"

    def ask(self, method: str, path: str, said: dict[str, Any] | None = None) -> Any:
        """The answer; its time in milliseconds is noted."""
        begun = time.perf_counter()
        body = None if said is None else json.dumps(said)
        self._connection.request(method, path, body, self._headers)
        data = self._connection.getresponse().read()
        self.times.append(1000 * (time.perf_counter() - begun))
        return json.loads(data) if path.startswith("/api") else data


@contextmanager
def serving(workspace: Workspace) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server over a workspace, as a process of its own, and its address."""
    command = [sys.executable, "-m", "curator_cli", "review", "-w", str(workspace.folder)]
    server = subprocess.Popen([*command, "--no-browser", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server, server.stdout.readline().strip()
    finally:
        server.kill()
        server.wait()
