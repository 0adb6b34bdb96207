"""Images at addresses: fetched once, whole, within bounds, and never from where they should not be."""

import http.server
import io
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import pytest
from PIL import Image

from curator.errors import CuratorError
from curator.images import UnreadableImageError, network, read_image, scan
from curator.images.network import images_at, read_address
from curator.images.remote import FETCHED, addressed, write_listing


def png(red: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (5, 4), (red, 0, 0)).save(buffer, "png")
    return buffer.getvalue()


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, counts what was asked for, and plays a few tricks."""

    asked: Counter[str]

    def do_GET(self) -> None:
        self.asked[self.path] += 1
        trick = self.path.rpartition("/")[2]
        if trick in TRICKS:
            TRICKS[trick](self)
        else:
            super().do_GET()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def answer(status: int, **headers: str) -> Callable[[Handler], None]:
    def play(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    return play


def half(handler: Handler) -> None:
    answer(200, Content_Length="1000")(handler)
    handler.wfile.write(b"x" * 500)


def once_busy(handler: Handler) -> None:
    if handler.asked[handler.path] == 1:
        answer(503, Content_Length="0")(handler)
    else:
        answer(200, Content_Length="4")(handler)
        handler.wfile.write(b"late")


TRICKS: dict[str, Callable[[Handler], None]] = {
    "half.png": half,
    "busy.png": once_busy,
    "down.png": answer(500, Content_Length="0"),
    "secret.png": answer(403, Content_Length="0"),
    "loop.png": answer(302, Location="loop.png", Content_Length="0"),
    "file.png": answer(302, Location="file:///etc/passwd", Content_Length="0"),
    "moved.png": answer(302, Location="a.png", Content_Length="0"),
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of three images, in folders, with names that addresses must quote."""
    monkeypatch.setattr(network, "PAUSES", (0.0, 0.0))
    monkeypatch.setitem(os.environ, "no_proxy", "127.0.0.1")
    for path, red in {"a.png": 1, "b c/ü#?.png": 2, "b c/d/3.PNG": 3}.items():
        file = tmp_path / "site" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(red))
    (tmp_path / "site" / "notes.txt").write_text("no image")
    Handler.asked = Counter()
    handler = partial(Handler, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_folder_that_a_server_lists_is_walked(site: str, tmp_path: Path) -> None:
    listing = tmp_path / "site.remote"
    write_listing(listing, images_at(site))
    found = list(scan(listing))
    assert [each.path for each in found] == ["a.png", "b c/d/3.PNG", "b c/ü#?.png"]
    assert [read_image(listing / each.path) for each in found] == [png(1), png(3), png(2)]


def test_what_was_fetched_is_not_fetched_again(site: str, tmp_path: Path) -> None:
    listing = tmp_path / "site.remote"
    write_listing(listing, images_at(f"{site}/a.png"))
    assert [read_image(listing / "a.png") for _ in range(3)] == [png(1)] * 3
    assert Handler.asked["/a.png"] == 1
    assert len([path for path in (tmp_path / FETCHED).rglob("*") if path.is_file()]) == 1


@pytest.mark.parametrize(
    ("name", "reason", "asked"),
    [
        ("none.png", "missing", 1),
        ("secret.png", "permission", 1),
        ("down.png", "io_error", 3),
        ("half.png", "io_error", 3),
        ("loop.png", "io_error", None),
        ("file.png", "io_error", 1),
    ],
)
def test_answer_that_is_no_image_says_why(site: str, name: str, reason: str, asked: int | None) -> None:
    with pytest.raises(UnreadableImageError) as raised:
        read_address(f"{site}/{name}", 10_000)
    assert raised.value.reason == reason
    assert "root:" not in raised.value.message
    assert Handler.asked[f"/{name}"] == asked or (asked is None and Handler.asked[f"/{name}"] < 10)


def test_busy_server_is_asked_again_and_a_moved_image_is_followed(site: str) -> None:
    assert read_address(f"{site}/busy.png", 100) == b"late"
    assert read_address(f"{site}/moved.png", 1000) == png(1)


def test_no_more_is_read_than_the_limit(site: str, tmp_path: Path) -> None:
    assert len(read_address(f"{site}/a.png", 10)) == 11
    write_listing(tmp_path / "site.remote", images_at(f"{site}/a.png"))
    with pytest.raises(UnreadableImageError, match="larger than"):
        read_image(tmp_path / "site.remote" / "a.png", limit=10)
    assert not (tmp_path / FETCHED).exists()


def test_image_that_takes_for_ever_is_given_up(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "LONGEST", -1.0)
    with pytest.raises(UnreadableImageError, match="took more than"):
        read_address(f"{site}/a.png", 1000)


def test_nobody_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "PAUSES", ())
    monkeypatch.setitem(os.environ, "no_proxy", "127.0.0.1")
    with pytest.raises(CuratorError, match=r"cannot list http://127\.0\.0\.1:9/"):
        list(images_at("http://127.0.0.1:9"))
    with pytest.raises(UnreadableImageError) as raised:
        read_address("http://127.0.0.1:9/a.png", 10)
    assert raised.value.reason == "io_error"


def test_links_that_lead_out_of_the_address_are_not_followed(site: str, tmp_path: Path) -> None:
    (tmp_path / "site" / "page").mkdir()
    (tmp_path / "site" / "page" / "index.html").write_text(
        '<a href="../a.png">x</a><a href="http://other.example/b.png">y</a><a>none</a><a href="./">.</a>'
        '<a href="%2e%2e/%2e%2e/c.png">z</a><a href="javascript:1">j</a><a href="http://[bad">b</a>'
        '<a href="in.png#top">in</a>'
    )
    assert [each.name for each in images_at(f"{site}/page/")] == ["in.png"]


@pytest.fixture
def memory() -> Iterator[str]:
    """A store that lives in memory."""
    store = fsspec.filesystem("memory")
    for path, red in {"cat/1.png": 1, "dog/2.png": 2}.items():
        store.pipe(f"/bucket/{path}", png(red))
    store.pipe("/bucket/notes.txt", b"no image")
    yield "memory://bucket"
    store.rm("/bucket", recursive=True)


def test_store_is_listed_and_read(memory: str, tmp_path: Path) -> None:
    listing = tmp_path / "bucket.remote"
    write_listing(listing, images_at(memory))
    found = list(scan(listing))
    assert [(each.path, each.size) for each in found] == [
        ("cat/1.png", len(png(1))),
        ("dog/2.png", len(png(2))),
    ]
    assert [read_image(listing / each.path) for each in found] == [png(1), png(2)]
    with pytest.raises(UnreadableImageError, match="no longer at its address"):
        read_address(f"{memory}/cat/9.png", 10)


def test_changed_object_has_another_version(memory: str, tmp_path: Path) -> None:
    listing = tmp_path / "bucket.remote"
    write_listing(listing, images_at(memory))
    before = {each.path: each.mtime_ns for each in scan(listing)}
    assert read_image(listing / "cat" / "1.png") == png(1)
    fsspec.filesystem("memory").pipe("/bucket/cat/1.png", png(9))
    write_listing(listing, images_at(memory))
    after = {each.path: each.mtime_ns for each in scan(listing)}
    assert {path for path in before if before[path] != after[path]} == {"cat/1.png"}
    assert read_image(listing / "cat" / "1.png") == png(9)


def test_errors_of_a_store_stop_nothing(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no credentials")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "open", fail)
    with pytest.raises(UnreadableImageError, match="RuntimeError: no credentials"):
        read_address(f"{memory}/cat/1.png", 10)


def test_store_whose_package_is_missing_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(CuratorError, match=r"pip install 'curator\[remote\]'"):
        list(images_at("s3://bucket/photos"))


def test_list_of_addresses_gives_each_image_a_name(tmp_path: Path) -> None:
    file = tmp_path / "photos.urls"
    file.write_text(
        "\ufeff# photographs\nhttps://h/x/1.png\n\nhttps://h/x/1.png?v=2\r\nhttps://h/x/../%2e%2e/2%20.png\n"
        "s3://b/x/1.png\nhttps://h/x/1.png\nhttps://h/get/7\n",
        encoding="utf-8",
    )
    found = list(addressed(file))
    assert [each.name for each in found] == [
        "h/x/1.png",
        "h/x/1~db94d80a.png",
        "h/x/2 .png",
        "b/x/1.png",
        "h/get/7",
    ]
    assert len({each.address for each in found}) == 5


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("photos/1.png", "line 2: .* not of a kind"),
        ("file:///etc/passwd", "line 2: .* not of a kind"),
        ("https://ann:pw@h/1.png", "line 2: .* holds a user"),
        ("https://h/", "line 2: .* names no image"),
        ("https://[h/1.png", "line 2"),
        ("https://h/" + "x" * 9000, "line"),
    ],
)
def test_line_that_is_no_address_is_named(line: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "photos.urls").write_text(f"https://h/1.png\n{line}\n")
    with pytest.raises(CuratorError, match=complaint):
        list(addressed(tmp_path / "photos.urls"))


def test_list_in_a_folder_reaches_nothing(site: str, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    write_listing(tmp_path / "photos" / "trap.remote", images_at(f"{site}/a.png"))
    (tmp_path / "photos" / "trap.urls").write_text(f"{site}/a.png\n")
    Handler.asked.clear()
    assert [each.reason for each in scan(tmp_path / "photos")] == ["other_extension"] * 2
    assert not Handler.asked


def test_damaged_list_says_so(tmp_path: Path) -> None:
    for number, text in enumerate(["{", "[1]\n", '["a"]\n', "[" * 100_000]):
        listing = tmp_path / f"{number}.remote"
        listing.write_text(text)
        with pytest.raises(CuratorError, match="damaged list"):
            list(scan(listing))
