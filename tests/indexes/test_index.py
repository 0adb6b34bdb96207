from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from curator_indexes import DamagedFileError, VectorError, VectorIndex, _effort, _plan, _rows
from tests.indexes._oracle import clustered, cosines

VALUES = st.sampled_from([-1.0, 0.0, 0.5, 2.0])


@pytest.fixture(params=["exact", "inverted lists"])
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way of searching the rows in turn, whatever their number."""
    name = str(request.param)
    if name == "inverted lists":
        monkeypatch.setattr(_plan, "EXACT_BELOW", 0)
        monkeypatch.setattr(_effort, "PRODUCT_COST", np.inf)
    return name


@pytest.fixture(params=[True, False])
def held(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Rows held as float32, or read by block."""
    if not request.param:
        monkeypatch.setattr(_rows, "COPY_BYTES", 0)
    return bool(request.param)


def _best(queries: NDArray[Any], rows: NDArray[Any], k: int) -> NDArray[np.float64]:
    return -np.sort(-cosines(queries, rows), axis=1)[:, :k]


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.float32, (9, 3), elements=VALUES),
    arrays(np.float32, (4, 3), elements=VALUES),
    st.integers(1, 12),
)
def test_equals_brute_force(rows: NDArray[np.float32], queries: NDArray[np.float32], k: int) -> None:
    ids, similarities = VectorIndex.build(rows).search(queries, k)
    assert [ids.dtype.name, similarities.dtype.name] == ["int64", "float32"]
    np.testing.assert_allclose(similarities, _best(queries, rows, k), atol=2e-6)
    np.testing.assert_allclose(
        similarities, np.take_along_axis(cosines(queries, rows), ids, axis=1), atol=2e-6
    )
    assert ((np.diff(similarities, axis=1) < 0) | (np.diff(ids, axis=1) > 0)).all()


@pytest.mark.usefixtures("held")
def test_finds_most_of_the_nearest(method: str) -> None:
    rows = clustered(6000, 16, 150)
    queries = clustered(400, 16, 150, seed=0) + np.float32(0.01)
    index = VectorIndex.build(rows, recall=0.95)
    assert index.method == method
    found = index.search(queries, 10)[1]
    assert (found >= _best(queries, rows, 10)[:, -1:] - 2e-6).mean() >= 0.95


def test_a_row_finds_itself_and_its_copies(method: str) -> None:
    rows = clustered(3000, 8, 100)
    rows[1000:1200] = rows[5]
    ids, similarities = VectorIndex.build(rows, recall=0.9).search(rows[[5, 2000]], 4)
    np.testing.assert_array_equal(ids[0], [5, 1000, 1001, 1002])
    assert ids[1, 0] == 2000
    np.testing.assert_allclose(similarities[:, 0], 1, atol=1e-6)


def test_one_vector_at_a_time_gives_the_same(method: str) -> None:
    rows = clustered(3000, 8, 100)
    index = VectorIndex.build(rows, recall=0.9)
    ids, similarities = index.search(rows[:40], 7)
    single = [index.search(rows[i : i + 1], 7) for i in range(40)]
    np.testing.assert_array_equal(np.vstack([s[0] for s in single]), ids)
    np.testing.assert_array_equal(np.vstack([s[1] for s in single]), similarities)


@pytest.mark.parametrize("copies", [1, 3])
def test_saved_and_loaded_answers_alike(tmp_path: Path, method: str, copies: int) -> None:
    rows = np.repeat(clustered(1500, 8, 60), copies, axis=0)
    index = VectorIndex.build(rows, recall=0.9)
    index.save(tmp_path / "index", {"made from": "rows"})
    loaded = VectorIndex.load(tmp_path / "index", rows)
    assert (loaded.n, loaded.d, loaded.method) == (index.n, 8, method)
    for before, after in zip(index.search(rows[:50], 6), loaded.search(rows[:50], 6), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_flipped_bit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_plan, "EXACT_BELOW", 0)
    monkeypatch.setattr(_effort, "PRODUCT_COST", np.inf)
    rows = clustered(50, 4, 3)
    VectorIndex.build(rows).save(tmp_path / "index", {})
    (path,) = (tmp_path / "index").glob("data-*/index.faiss")
    content = bytearray(path.read_bytes())
    for place in range(0, len(content), 7):
        content[place] ^= 1
        path.write_bytes(content)
        with pytest.raises(DamagedFileError, match=r"index\.faiss has changed"):
            VectorIndex.load(tmp_path / "index", rows)
        content[place] ^= 1
    path.write_bytes(content)
    assert VectorIndex.load(tmp_path / "index", rows).n == 50
    with pytest.raises(VectorError, match=r"shape \(49, 4\): the index was built from \(50, 4\)"):
        VectorIndex.load(tmp_path / "index", rows[1:])


def test_empty_and_single() -> None:
    empty = VectorIndex.build(np.zeros((0, 3), np.float32))
    assert empty.search(np.ones((2, 3), np.float32), 5)[0].shape == (2, 0)
    one = VectorIndex.build(np.ones((1, 3), np.float32))
    np.testing.assert_array_equal(one.search(np.ones((2, 3), np.float32), 5)[0], [[0], [0]])
    assert one.search(np.ones((0, 3), np.float32), 5)[0].shape == (0, 1)


@pytest.mark.parametrize(
    ("vectors", "k", "message"),
    [
        (np.ones((1, 4), np.float32), 1, "4 dimensions: the index holds rows of 3"),
        (np.ones(3, np.float32), 1, "query vectors have shape"),
        (np.full((1, 3), np.nan), 1, "query vectors: row 0 holds NaN"),
        (np.ones((1, 3), np.float32), 0, "k is 0"),
    ],
)
def test_bad_queries_are_named(vectors: NDArray[Any], k: int, message: str) -> None:
    index = VectorIndex.build(np.eye(3, dtype=np.float32))
    with pytest.raises(VectorError, match=message):
        index.search(vectors, k)
