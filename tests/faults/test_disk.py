"""A disk that is full, fails, may not be written or loses files: told plainly, and the rerun is whole."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.bench import Bench
from tests.faults.verbs import PIPELINE, log

NOBODY = 65534
SMALL = 2 << 20
STRIDE = {"embed": 13, "propagate": 7}


@pytest.mark.parametrize("fault", ["full", "broken"])
@pytest.mark.parametrize("verb", PIPELINE)
def test_the_disk_refuses_one_step(bench: Bench, verb: str, fault: str) -> None:
    for moment in range(fault == "broken", bench.stages[verb].steps, STRIDE.get(verb, 3)):
        case, ending = bench.struck(verb, fault, moment)
        assert ending.plain, ending
        bench.check(verb, case)


@pytest.mark.parametrize("verb", PIPELINE)
@pytest.mark.parametrize("most_bytes", [0, 900, 20_000, 66_000])
def test_no_file_may_grow_beyond_a_limit(bench: Bench, verb: str, most_bytes: int) -> None:
    case, ending = bench.struck(verb, most_bytes=most_bytes)
    assert ending.plain, ending
    bench.check(verb, case)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here: that takes root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_really_full(bench: Bench, small_disk: Path) -> None:
    (small_disk / "photos").symlink_to(bench.root / "photos")
    for name in ("labels.csv", "corrections.csv"):
        shutil.copy(bench.root / name, small_disk)
    case, ballast = small_disk / "case", small_disk / "ballast"
    endings = []
    for free in range(16_000, SMALL, 220_000):
        shutil.rmtree(case, ignore_errors=True)
        case.mkdir()
        ballast.write_bytes(bytes(SMALL - free))
        endings.append(bench.run("embed", case))
        assert endings[-1].plain, endings[-1]
        ballast.unlink()
        bench.check("embed", case)
    assert endings[0].error, "the smallest was too small"
    assert endings[-1].error is None, "the largest was large enough"


@pytest.fixture
def guarded(bench: Bench) -> Iterator[Path]:
    """A workspace that its user may read but not write."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        shutil.copytree(bench.root / "photos", root / "photos")
        shutil.copytree(bench.case, root / "case")
        for path in [root / "case", *(root / "case").rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield root / "case"
        for path in [root / "case", *(root / "case").rglob("*")]:
            path.chmod(0o755)


@pytest.mark.parametrize("verb", PIPELINE)
def test_a_folder_that_may_not_be_written(bench: Bench, guarded: Path, verb: str) -> None:
    user = NOBODY if os.geteuid() == 0 else None  # root may write anywhere: the child becomes nobody
    before = {path: path.read_bytes() for path in guarded.rglob("*") if path.is_file()}
    ending = bench.run(verb, guarded, user=user)
    assert ending.error is not None
    assert ending.plain, ending
    assert str(guarded) in ending.message, ending.message
    assert before == {path: path.read_bytes() for path in guarded.rglob("*") if path.is_file()}


@pytest.mark.parametrize("verb", PIPELINE)
def test_any_file_may_be_deleted_or_be_a_folder(bench: Bench, verb: str) -> None:
    """What can be made again is made again, or the error names it; labels never begin anew in silence."""
    files = [path for path in bench.case.rglob("*") if path.is_file() and path.suffix != ".csv"]
    before = log(bench.case)
    for number, path in enumerate(sorted(files)):
        case = bench.copied(bench.case)
        lost = case / path.relative_to(bench.case)
        lost.unlink()
        if number % 2:
            lost.mkdir()
        ending = bench.run(verb, case)
        assert ending.plain, (path, ending)
        if lost.name != "curator.db":
            assert set(before) <= set(log(case)), path
