"""Images in tar archives are images like others, and no name in an archive leads out of it."""

import io
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from curator.formats import FORMATS
from curator.images import UnreadableImageError, read_image, scan


def png(red: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (5, 4), (red, 0, 0)).save(buffer, "png")
    return buffer.getvalue()


def archive(file: Path, contents: dict[str, bytes]) -> Path:
    with tarfile.open(file, "w") as opened:
        for name, data in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            opened.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        opened.addfile(link)
    return file


def test_members_are_found_and_read_where_they_lie(tmp_path: Path) -> None:
    archive(tmp_path / "0.tar", {"b.png": png(2), "./a/1.png": png(1), "a/1.cls": b"3"})
    found = list(scan(tmp_path))
    assert [(each.path, each.size, each.reason) for each in found] == [
        ("0.tar/a/1.png", len(png(1)), None),
        ("0.tar/b.png", len(png(2)), None),
    ]
    assert [read_image(tmp_path / each.path) for each in found] == [png(1), png(2)]


@pytest.mark.parametrize("name", ["../out.png", "a/../../out.png", "/out.png", "././out.png"])
def test_name_that_leads_elsewhere_is_no_image(name: str, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    archive(tmp_path / "images" / "0.tar", {name: png(1)})
    assert [each.reason for each in scan(tmp_path / "images")] == ["other_extension"]


def test_changed_archive_is_read_anew(tmp_path: Path) -> None:
    archive(tmp_path / "0.tar", {"a.png": png(1)})
    assert read_image(tmp_path / "0.tar" / "a.png") == png(1)
    archive(tmp_path / "0.tar", {"b.png": png(9), "x.txt": b"longer " * 3000, "a.png": png(2)})
    assert read_image(tmp_path / "0.tar" / "a.png") == png(2)


def test_broken_archive_and_missing_member_say_so(tmp_path: Path) -> None:
    (tmp_path / "0.tar").write_bytes(b"no archive at all" * 100)
    archive(tmp_path / "1.tar", {"a.png": png(1)})
    assert [each.reason for each in scan(tmp_path)] == ["corrupt", None]
    with pytest.raises(UnreadableImageError, match="is not in the archive"):
        read_image(tmp_path / "1.tar" / "z.png")
    with pytest.raises(UnreadableImageError, match="larger than"):
        read_image(tmp_path / "1.tar" / "a.png", limit=10)


def test_archive_cut_short_breaks_one_image_at_most(tmp_path: Path) -> None:
    whole = archive(tmp_path / "0.tar", {"a.png": png(1), "b.png": bytes(5000)}).read_bytes()
    (tmp_path / "0.tar").write_bytes(whole[:2100])
    for each in scan(tmp_path):
        if each.reason is None and each.path.endswith("b.png"):
            with pytest.raises(UnreadableImageError):
                read_image(tmp_path / each.path)


def test_shards_bring_their_classes(tmp_path: Path) -> None:
    archive(
        tmp_path / "0.tar",
        {
            "x/1.png": png(1),
            "x/1.cls": b"cat\n",
            "x/2.png": png(2),
            "x/2.json": b'{"label": 7}',
            "x/3.png": png(3),
        },
    )
    read = FORMATS["webdataset"].read
    assert read is not None
    wanted = {"0.tar/x/1.png": "cat", "0.tar/x/2.png": "7"}
    assert {each.path: each.label for each in read(tmp_path)} == wanted
    assert {each.path: each.label for each in read(tmp_path / "0.tar")} == wanted
