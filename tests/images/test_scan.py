"""The folder walk: every image once, in byte order, and a reason for all that cannot be used."""

import inspect
import os
import socket
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.errors import CuratorError
from curator.images import IMAGE_EXTENSIONS, Found, scan
from curator.images.reasons import REASONS
from tests.images.image_files import linux_only, posix_only


def fill(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"pixels")
    return folder


def outcome(folder: Path, *, follow_symlinks: bool = False) -> dict[str, str | None]:
    found = list(scan(folder, follow_symlinks=follow_symlinks))
    assert [one.path.encode() for one in found] == sorted(one.path.encode() for one in found)
    assert all((one.reason is None) == (one.message == "") for one in found)
    assert all(one.reason is None or one.reason in REASONS for one in found)
    return {one.path: one.reason for one in found}


def test_images_come_with_size_and_time_and_slashes(tmp_path: Path) -> None:
    fill(tmp_path, "b/c/two.JPG", "a.png")
    os.utime(tmp_path / "a.png", ns=(5, 1_234_567_000))
    assert next(scan(tmp_path)) == Found("a.png", 6, 1_234_567_000)
    assert outcome(tmp_path) == {"a.png": None, "b/c/two.JPG": None}


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    assert list(scan(tmp_path)) == []


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_bytes(b"x")])
def test_a_root_that_is_no_folder_is_refused(tmp_path: Path, make: "object") -> None:
    path = tmp_path / "images"
    assert callable(make)
    make(path)
    with pytest.raises(CuratorError, match="images"):
        scan(path)


def test_a_folder_sorts_by_the_paths_in_it(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.png", "a-b.png", "a.png", "a0.png", "B.png")
    assert [one.path for one in scan(tmp_path)] == ["B.png", "a-b.png", "a.png", "a/1.png", "a0.png"]


_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0."), min_size=1, max_size=6)
_PATHS = st.lists(_NAMES, min_size=1, max_size=4).map(lambda parts: [part + "_" for part in parts])


@given(st.lists(_PATHS, max_size=12), st.sampled_from(sorted(IMAGE_EXTENSIONS)))
@settings(max_examples=40, deadline=None)
def test_every_image_is_found_once_in_byte_order(paths: list[list[str]], extension: str) -> None:
    images = {"/".join(parts) + extension for parts in paths}
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), *images)
        found = list(scan(Path(folder)))
    assert [one.path for one in found] == sorted(images, key=str.encode)
    assert all(one.reason is None for one in found)


NAMES = [
    "new\nline.png",
    "quo'te\".png",
    "<img src=x onerror=alert(1)>.png".replace("/", ""),
    "-rf.png",
    "=1+1.png",
    "back\\slash.png",
    "case.png",
    "CASE.png",
    "caf\u00e9.png",
    "cafe\u0301.png",
    "\u202egnp.png",
    " space .png",
    "x" * 251 + ".png",
]


@linux_only
def test_hard_names_come_back_as_they_are(tmp_path: Path) -> None:
    fill(tmp_path, *NAMES)
    assert outcome(tmp_path) == dict.fromkeys(NAMES)


@linux_only
def test_a_name_that_is_not_utf8_is_shown_escaped(tmp_path: Path) -> None:
    fill(tmp_path, *map(os.fsdecode, (b"caf\xe9.png", b"caf\xe9.txt", b"d\xff/a.png")))
    assert outcome(tmp_path) == {
        r"caf\xe9.png": "unsupported_name",
        r"caf\xe9.txt": "other_extension",
        r"d\xff": "unsupported_name",
    }


def test_hidden_and_system_entries_are_passed_over(tmp_path: Path) -> None:
    fill(tmp_path, ".hidden.png", ".curator/a.png", "__MACOSX/a.png", "Thumbs.db", "@eaDir/a.jpg", "seen.png")
    assert outcome(tmp_path) == {"seen.png": None}


def test_other_files_are_counted_and_empty_ones_named(tmp_path: Path) -> None:
    fill(tmp_path, "notes.txt", "photo.heic", "noextension", "a.png")
    (tmp_path / "zero.jpg").touch()
    assert outcome(tmp_path) == {
        "a.png": None,
        "noextension": "other_extension",
        "notes.txt": "other_extension",
        "photo.heic": "other_extension",
        "zero.jpg": "empty",
    }
    messages = {one.path: one.message for one in scan(tmp_path)}
    assert "convert" in messages["photo.heic"]


def test_a_folder_named_as_an_image_is_walked(tmp_path: Path) -> None:
    fill(tmp_path, "a.png/b.png")
    assert outcome(tmp_path) == {"a.png/b.png": None}


@posix_only
def test_links(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    fill(root, "real/a.png", "real/sub/b.png")
    fill(outside, "far.png", "deep/c.png")
    links = {
        "file.png": "real/a.png",
        "far.png": "../outside/far.png",
        "folder": "../outside",
        "inner": "real/sub",
        "real/sub/up": "..",
        "self.png": "self.png",
        "gone.png": "nowhere.png",
        "parent": "..",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    always = {
        "file.png": None,
        "gone.png": "missing",
        "inner": "already_scanned",
        "real/a.png": None,
        "real/sub/b.png": None,
        "real/sub/up": "symlink_loop",
        "self.png": "symlink_loop",
    }
    closed = {"far.png": "outside_folder", "folder": "outside_folder", "parent": "outside_folder"}
    followed = {"far.png": None, "folder/deep/c.png": None, "folder/far.png": None, "parent": "symlink_loop"}
    assert outcome(root) == always | closed
    assert outcome(root, follow_symlinks=True) == always | followed


@posix_only
def test_a_folder_linked_twice_from_outside_is_walked_once(tmp_path: Path) -> None:
    root = fill(tmp_path / "root", "a.png")
    fill(tmp_path / "outside", "b.png", "sub/c.png")
    (root / "one").symlink_to(tmp_path / "outside")
    (root / "two").symlink_to(tmp_path / "outside")
    (root / "zub").symlink_to(tmp_path / "outside/sub")
    assert outcome(root, follow_symlinks=True) == {
        "a.png": None,
        "one/b.png": None,
        "one/sub/c.png": None,
        "two": "already_scanned",
        "zub": "already_scanned",
    }


@posix_only
def test_many_links_to_folders_do_not_multiply_the_walk(tmp_path: Path) -> None:
    # Each level links twice to the next: followed without memory, this would be 2^30 folders.
    outside = tmp_path / "outside"
    for level in range(30):
        (outside / str(level)).mkdir(parents=True)
        for side in "lr":
            (outside / str(level) / side).symlink_to(outside / str(level + 1))
    fill(outside, "30/a.png")
    root = tmp_path / "root"
    root.mkdir()
    (root / "start").symlink_to(outside / "0")
    found = outcome(root, follow_symlinks=True)
    assert list(found.values()).count(None) == 1
    assert len(found) == 31


@posix_only
def test_a_link_to_a_hidden_folder_inside_is_walked(tmp_path: Path) -> None:
    fill(tmp_path, ".store/a.png")
    (tmp_path / "images").symlink_to(".store")
    (tmp_path / "one.png").symlink_to(".store/a.png")
    assert outcome(tmp_path) == {"images/a.png": None, "one.png": None}


@posix_only
def test_a_root_given_as_a_link_is_walked(tmp_path: Path) -> None:
    fill(tmp_path / "real", "a.png")
    (tmp_path / "link").symlink_to("real")
    assert outcome(tmp_path / "link") == {"a.png": None}


@posix_only
def test_pipes_sockets_and_devices_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "null.png").symlink_to("/dev/null")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.png")
        assert outcome(tmp_path) == dict.fromkeys(["null.png", "pipe.png", "s.png"], "special_file")


def test_an_unreadable_folder_is_recorded_and_the_walk_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "a/1.png", "locked/2.png", "z/3.png")
    listed = os.scandir

    def scandir(path: str) -> "os._ScandirIterator[str]":
        if path.endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert outcome(tmp_path) == {"a/1.png": None, "locked": "permission", "z/3.png": None}


def test_a_file_that_vanishes_during_the_walk_is_missing(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "b.png")
    walk = scan(tmp_path)
    assert next(walk).path == "a.png"
    (tmp_path / "b.png").unlink()
    assert next(walk).reason == "missing"


def test_only_open_folders_are_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, *(f"{folder}/{name}.png" for folder in range(5) for name in range(3)))
    opened: list[str] = []
    listed = os.scandir

    def scandir(path: str) -> "os._ScandirIterator[str]":
        opened.append(path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    walk = scan(tmp_path)
    next(walk)
    assert len(opened) == 2  # the root and the first folder; the other four are listed when their turn comes


def test_a_deep_tree_is_walked_without_recursion(tmp_path: Path) -> None:
    fill(tmp_path, "d/" * 200 + "a.png")
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(len(inspect.stack(0)) + 100)
        found = list(scan(tmp_path))
    finally:
        sys.setrecursionlimit(limit)
    assert [one.path for one in found] == ["d/" * 200 + "a.png"]


@linux_only
def test_paths_longer_than_the_system_takes_are_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(20):
        Path("d" * 250).mkdir()
        os.chdir("d" * 250)
    fill(tmp_path, "z.png")
    found = outcome(tmp_path)
    assert found.pop("z.png") is None
    assert list(found.values()) == ["io_error"]
