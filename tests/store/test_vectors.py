"""Vectors by content hash: what was committed is read back, damage is found, half a write does not count."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from curator.store.database import Database
from curator.store.vectors import VectorFile

ON_EVERY_DATABASE = True


def vector_file(database: Database, tmp_path: Path) -> VectorFile:
    return VectorFile(database, tmp_path / "encoder", "fingerprint", {"name": "test"}, 4)


def rows(count: int, seed: int = 0) -> npt.NDArray[np.float16]:
    return np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float16)


def append(vectors: VectorFile, database: Database, names: str, data: npt.NDArray[np.float16]) -> None:
    with database.writing() as connection:
        vectors.append(connection, list(names), data)


def test_rows_come_back_in_the_order_asked_for(database: Database, tmp_path: Path) -> None:
    vectors, data = vector_file(database, tmp_path), rows(5)
    append(vectors, database, "abc", data[:3])
    append(vectors, database, "de", data[3:])
    assert np.array_equal(vectors.gather(list("ebacd")), data[[4, 1, 0, 2, 3]])
    assert vectors.known(list("axe")) == {"a", "e"}


def test_bytes_written_but_not_committed_are_overwritten(database: Database, tmp_path: Path) -> None:
    vectors, data = vector_file(database, tmp_path), rows(5)
    append(vectors, database, "ab", data[:2])

    def die_before_commit() -> None:
        with database.writing() as connection:
            vectors.append(connection, list("xyz"), rows(3, seed=1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        die_before_commit()
    again = vector_file(database, tmp_path)
    assert again.known(list("xyz")) == set()
    append(again, database, "c", data[2:3])
    assert np.array_equal(again.gather(list("abc")), data[:3])
    again.drop_damaged()
    assert again.known(list("abc")) == set("abc")


@pytest.mark.parametrize("harm", ["flip", "truncate", "delete"])
def test_damaged_stretch_is_forgotten_and_the_rest_is_kept(
    database: Database, tmp_path: Path, harm: str
) -> None:
    vectors, data = vector_file(database, tmp_path), rows(5)
    append(vectors, database, "ab", data[:2])
    append(vectors, database, "cde", data[2:])
    content = bytearray(vectors.path.read_bytes())
    if harm == "flip":
        content[-3] ^= 1
        vectors.path.write_bytes(content)
    elif harm == "truncate":
        vectors.path.write_bytes(content[:-1])
    else:
        vectors.path.unlink()
    vectors.drop_damaged()
    kept = set() if harm == "delete" else set("ab")
    assert vectors.known(list("abcde")) == kept
    append(vectors, database, "cde", data[2:])
    assert np.array_equal(vectors.gather(list("cde")), data[2:])
