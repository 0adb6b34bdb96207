"""Reading one file: its bytes, or the reason why there are none, whatever happens to it meanwhile."""

import os
from pathlib import Path

import pytest

from curator.images import UnreadableImageError, read_image
from tests.images.image_files import photo, posix_only


def test_read_image_returns_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(photo())
    assert read_image(path) == photo()
    assert read_image(path, limit=len(photo())) == photo()


@posix_only
def test_read_image_names_the_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "big.png").write_bytes(bytes(11))
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "broken.png").symlink_to("nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")
    wanted = {
        "gone.png": "missing",
        "broken.png": "missing",
        "loop.png": "symlink_loop",
        "empty.png": "empty",
        "big.png": "too_large_file",
        "folder.png": "not_a_file",
        "pipe.png": "special_file",
        "nul\0.png": "io_error",
        "x" * 300 + ".png": "io_error",
    }
    got = {}
    for name in wanted:
        with pytest.raises(UnreadableImageError) as caught:
            read_image(tmp_path / name, limit=10)
        got[name] = caught.value.reason
    assert got == wanted


def test_read_image_says_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(photo())

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(UnreadableImageError, match="permission") as caught:
        read_image(path)
    assert caught.value.reason == "permission"


@posix_only
def test_a_file_swapped_for_a_pipe_after_the_check_does_not_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "a.png").write_bytes(photo())
    opened = os.open
    monkeypatch.setattr(os, "open", lambda _, flags: opened(tmp_path / "pipe.png", flags))
    with pytest.raises(UnreadableImageError) as caught:
        read_image(tmp_path / "a.png")
    assert caught.value.reason == "special_file"
