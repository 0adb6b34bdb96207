"""Images at s3:// and gs://, read by the real clients from servers that speak the stores' protocols."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import fsspec
import numpy as np
import pytest

from curator.jobs.embed import embed
from curator.jobs.faults import faults
from curator.store import Workspace
from tests.jobs.conftest import ProjectionEncoder
from tests.jobs.test_sources import png

Put = Callable[[str, bytes], object]
PICTURES = {
    f"photos/{'abc'[number % 3]}/{number:02}.png": png(np.full((8, 8, 3), 20 * number, np.uint8))
    for number in range(9)
}


@contextmanager
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Put]:
    """A bucket of moto's server, and what puts an object into it."""
    server = pytest.importorskip("moto.server", reason="moto is not installed").ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "no_proxy": host,
    }.items():
        monkeypatch.setenv(name, value)
    fsspec.filesystem("s3").mkdir("bucket")
    yield lambda name, data: fsspec.filesystem("s3").pipe(f"bucket/{name}", data)
    server.stop()


@contextmanager
def gs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Put]:
    """A server that lists and hands out objects as the JSON API of Google Cloud Storage does."""
    objects: dict[str, bytes] = {}

    class Store(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
            name = unquote(path.partition("/o/")[2])
            if path.endswith("/b/bucket/o"):
                prefix = query.get("prefix", [""])[0]
                self.answer(
                    json.dumps({"items": [facts(n, d) for n, d in objects.items() if n.startswith(prefix)]})
                )
            elif name not in objects:
                self.send_error(404)
            elif "media" in query.get("alt", []) or path.startswith("/download"):
                self.answer(objects[name])
            else:
                self.answer(json.dumps(facts(name, objects[name])))

        def answer(self, body: str | bytes) -> None:
            data = body.encode() if isinstance(body, str) else body
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Content-Type", "application/json" if isinstance(body, str) else "image/png")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    def facts(name: str, data: bytes) -> Mapping[str, str]:
        return {"name": name, "bucket": "bucket", "size": str(len(data)), "etag": str(hash(data))}

    pytest.importorskip("gcsfs", reason="gcsfs is not installed")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield objects.__setitem__
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("store", [s3, gs])
def test_a_bucket_is_a_folder(
    store: Callable[[pytest.MonkeyPatch], AbstractContextManager[Put]],
    tmp_path: Path,
    encoder: ProjectionEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = f"{store.__name__}://bucket/photos"
    with store(monkeypatch) as put:
        fsspec.config.conf.clear()
        for name, data in PICTURES.items():
            put(name, data)
        put("other/not-of-these.png", PICTURES["photos/a/00.png"])
        workspace = Workspace.create(tmp_path / "w", address)
        report = embed(workspace, labels_from_folders=True)
        assert (report.images, report.labelled) == (len(PICTURES), len(PICTURES))
        assert workspace.embed_command == f"curator embed {address} -w {tmp_path / 'w'}"
        put("photos/a/00.png", png(np.full((8, 8, 3), 255, np.uint8)))
        report = embed(Workspace.open(tmp_path / "w"))
        assert (report.images, report.embedded) == (len(PICTURES), 1)
    assert faults(workspace)[0].images == len(PICTURES)  # of the copies here: the store is gone
