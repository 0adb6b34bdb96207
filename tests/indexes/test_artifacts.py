from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator_indexes import DamagedFileError, artifacts
from curator_indexes._manifest import write_manifest
from curator_indexes.artifacts import read_artifact, read_inputs, write_artifact

NUMBERS = np.arange(6, dtype=np.int32).reshape(2, 3)


def _write(folder: Path, numbers: Any = NUMBERS, **inputs: Any) -> None:
    write_artifact(folder, "test", inputs, {"numbers": numbers, "note.txt": lambda p: _note(p, "hello")})


def _note(path: Path, text: str) -> None:
    path.write_text(text)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


@settings(max_examples=25, deadline=None)
@given(
    inputs=st.dictionaries(
        st.text(), st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    ),
    name=st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True),
)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, inputs: dict[str, Any], name: str) -> None:
    folder = tmp_path_factory.mktemp("artifact") / "deep" / "inside"
    write_artifact(folder, "kind", inputs, {name: NUMBERS}, facts={"recall": 0.5})
    artifact = read_artifact(folder, "kind")
    np.testing.assert_array_equal(artifact.array(name), NUMBERS)
    assert artifact.inputs == read_inputs(folder) == inputs
    assert artifact.facts == {"recall": 0.5}


def test_large_arrays_are_mapped_read_only(tmp_path: Path) -> None:
    _write(tmp_path, np.zeros(100_000))
    artifact = read_artifact(tmp_path, "test")
    mapped = artifact.array("numbers")
    assert isinstance(mapped, np.memmap)
    assert not mapped.flags.writeable
    assert not isinstance(artifact.array("numbers", mmap=False), np.memmap)


def test_any_changed_byte_of_any_file_is_refused(tmp_path: Path) -> None:
    _write(tmp_path, source="x")
    for path in _files(tmp_path):
        whole = path.read_bytes()
        for place in range(len(whole)):
            for bit in (1, 128):
                path.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
                with pytest.raises(DamagedFileError, match="rebuild"):
                    read_artifact(tmp_path, "test")
        path.write_bytes(whole)
    assert read_artifact(tmp_path, "test").inputs == {"source": "x"}


def test_any_shortened_or_lengthened_file_is_refused(tmp_path: Path) -> None:
    _write(tmp_path)
    for path in _files(tmp_path):
        whole = path.read_bytes()
        for content in (whole[:-1], whole[: len(whole) // 2], b"", whole + b"\0"):
            path.write_bytes(content)
            with pytest.raises(DamagedFileError, match=path.name.replace(".", r"\.")):
                read_artifact(tmp_path, "test")
        path.write_bytes(whole)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for path in _files_of_new_artifact(tmp_path):
        whole = path.read_bytes()
        path.unlink()
        with pytest.raises(DamagedFileError, match=f"{path.name} is missing"):
            read_artifact(tmp_path, "test")
        path.write_bytes(whole)


def _files_of_new_artifact(folder: Path) -> list[Path]:
    _write(folder)
    return list(_files(folder))


def test_nothing_stored(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="is missing"):
        read_artifact(tmp_path / "nowhere", "test")
    assert read_inputs(tmp_path / "nowhere") is None


def test_another_kind_or_version_is_refused(tmp_path: Path) -> None:
    _write(tmp_path)
    with pytest.raises(DamagedFileError, match="is of a test version 1, not of a graph version 1"):
        read_artifact(tmp_path, "graph")
    with pytest.raises(DamagedFileError, match="not of a test version 2"):
        read_artifact(tmp_path, "test", version=2)


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    _write(tmp_path)
    with pytest.raises(DamagedFileError, match=r"other\.npy is not among its files"):
        read_artifact(tmp_path, "test").array("other")


def test_a_failing_writer_leaves_the_old_artifact(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_text("half")
        raise KeyboardInterrupt

    _write(tmp_path, version="old")
    before = list(_files(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        write_artifact(tmp_path, "test", {"version": "new"}, {"numbers": NUMBERS + 1, "note.txt": fail})
    assert list(_files(tmp_path)) == before
    assert read_artifact(tmp_path, "test").inputs == {"version": "old"}


_KILLED_WRITE = """
import os, sys
from pathlib import Path
import numpy as np
import curator_indexes.artifacts as artifacts, curator_indexes.files as files
left = int(sys.argv[2])
def count(function):
    def counted(*args, **options):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return function(*args, **options)
    return counted
for place, name in [(os, "replace"), (os, "fsync"), (artifacts.shutil, "rmtree"), (np, "save")]:
    setattr(place, name, count(getattr(place, name)))
write = lambda path: path.write_text("new")
contents = {"numbers": np.ones(3), "note.txt": write}
artifacts.write_artifact(Path(sys.argv[1]), "test", {"version": "new"}, contents)
"""


def test_killed_at_any_step_leaves_old_or_new(tmp_path: Path) -> None:
    seen = []
    for step in range(30):
        folder = tmp_path / str(step)
        _write(folder, version="old")
        command = [sys.executable, "-c", _KILLED_WRITE, str(folder), str(step)]
        path = {"PYTHONPATH": str(Path(artifacts.__file__).parents[1])}
        status = subprocess.run(command, check=False, env=path).returncode
        assert status in (0, 9)
        seen.append(read_artifact(folder, "test").inputs["version"])
        _write(folder, version="newest")
        assert (
            len(list(folder.glob("data-*"))) == 2
        )  # the new and the former: what the killed write left is gone
        if status == 0:
            break
    assert status == 0
    assert seen == sorted(seen, reverse=True)  # old up to some step, new from then on
    assert set(seen) == {"old", "new"}


def test_rewriting_keeps_one_former_copy(tmp_path: Path) -> None:
    for version in range(4):
        _write(tmp_path, version=version)
    assert len(list(tmp_path.glob("data-*"))) == 2
    assert read_artifact(tmp_path, "test").inputs == {"version": 3}


def test_a_reader_goes_on_while_the_artifact_is_replaced(tmp_path: Path) -> None:
    _write(tmp_path, version="old")
    reader = read_artifact(tmp_path, "test")
    _write(tmp_path, version="new")
    assert all(reader.path(name).is_file() for name in reader.manifest.files)


def test_a_pickle_is_never_read(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        np.save(path, np.array([{}], dtype=object), allow_pickle=True)

    write_artifact(tmp_path, "test", {}, {"objects.npy": write})
    with pytest.raises(DamagedFileError, match=r"objects\.npy is no plain array"):
        read_artifact(tmp_path, "test").array("objects")


@pytest.mark.parametrize("name", ["../outside", "a/b", ".hidden", ""])
def test_names_stay_inside_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no plain file name"):
        write_artifact(tmp_path / "artifact", "test", {}, {name: lambda path: _note(path, "x")})
    with pytest.raises(DamagedFileError):
        read_artifact(tmp_path / "artifact", "test")


def test_a_manifest_that_is_no_object_is_refused(tmp_path: Path) -> None:
    for content in ("[]", "null", "3", json.dumps({"sha256": ""}), "[" * 100_000):
        (tmp_path / "manifest.json").write_text(content)
        with pytest.raises(DamagedFileError, match="cannot be used"):
            read_artifact(tmp_path, "test")


def test_an_error_after_the_commit_leaves_the_new_artifact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path, version="old")

    def interrupted(folder: Path, manifest: Any) -> None:
        write_manifest(folder, manifest)
        raise KeyboardInterrupt

    monkeypatch.setattr(artifacts, "write_manifest", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _write(tmp_path, version="new")
    assert read_artifact(tmp_path, "test").inputs == {"version": "new"}
