"""Inverted lists of short codes: which rows are worth comparing with a query.

Rows are projected on their principal components, put into the list of the nearest centroid, and coded with
four bits for one or two dimensions, so that FAISS scans 32 of them at once (André, Kermarrec and Le Scouarnec
2017, "Accelerated nearest neighbor search with Quick ADC"). The codes only choose candidates: similarities
come from the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator_indexes._blocks import for_each_block, in_one_thread
from curator_indexes._projection import project, project_rows, train_projection
from curator_indexes._rows import Floats, Ids, Rows, sample_ids
from curator_indexes.errors import VectorError
from curator_indexes.kmeans import ASSIGNED_ROWS, spherical_kmeans
from curator_indexes.runtime import load_faiss

Codes = NDArray[np.uint8]
Encode = Callable[[Any, Rows, Any], tuple[Ids, Codes]]
"""From a coder, rows and their projection to the list of each row, int64 [n], and its code, [n, bytes]."""

_LISTS_PER_ROW = (
    0.0455  # lists = this * n ** 0.75: 256 at 100,000 rows; time then grows as n, not as n ** 1.5
)
_BITS = 4  # a code word's: what a scan of 32 rows at once can look up
# Dimensions of which one word codes two. At 112 that saves a third of the time in all; at 32 and at 256
# nothing, as more candidates have to be compared.
_CODED_IN_PAIRS = range(64, 161)
_TRAINING_ROWS = 2048  # 128 for each of 16 code words: 256 take longer and find no more
_POINTS_PER_CENTROID = 64  # a rough clustering will do: the recall is reached by probing more lists
_ITERATIONS = 8
_WORKING_BYTES = 1 << 28
_SCAN_BY_QUERY = 11  # FAISS's number for a scan whose result does not depend on the other queries in a call


@dataclass(frozen=True, eq=False)
class InvertedLists:
    """A FAISS fast-scan index of coded rows 0 to n-1, behind a projection.

    Attributes:
        projection: a FAISS linear transform from d to the coded dimensions.
        index: an `IndexIVFPQFastScan` of the projected rows.

    """

    projection: Any
    index: Any

    @property
    def count(self) -> int:
        """How many lists there are."""
        return int(self.index.nlist)

    @property
    def words(self) -> int:
        """How many words a row's code has."""
        return int(self.index.M)

    def search(self, queries: Floats, m: int, probes: int) -> Ids:
        """The m rows that look nearest in the `probes` nearest lists: int64 [b, m], -1: none."""
        parameters = load_faiss().SearchParametersIVF(nprobe=min(probes, self.count))
        ids: Ids = self.index.search(project(self.projection, queries), m, params=parameters)[1]
        return ids

    def nearest_lists(self, queries: Floats) -> Ids:
        """All lists, nearest to each query [b, d] first, int64 [b, lists]."""
        ids: Ids = self.index.quantizer.search(project(self.projection, queries), self.count)[1]
        return ids

    @cached_property
    def list_of_row(self) -> NDArray[np.int32]:
        """The list that each row is in, int32 [n]."""
        stored = list(_ids_by_list(self.index))
        of_row = np.empty(1 + max((int(ids.max(initial=-1)) for ids in stored), default=-1), np.int32)
        for number, ids in enumerate(stored):
            of_row[ids[ids >= 0]] = number
        return of_row

    def revised(self, number: Ids, rows: Floats, ids: Ids) -> InvertedLists:
        """A copy with other ids and more rows.

        Args:
            number: for each id its new one, int64 [n], or -1 where the row is gone (it stays in its list, and
                is found as no row at all).
            rows: to be added, float32 [m, d].
            ids: of those, int64 [m].

        """
        index = load_faiss().clone_index(self.index)
        index.implem = _SCAN_BY_QUERY
        for stored in _ids_by_list(index):
            stored[:] = np.where(stored >= 0, number[stored], -1)
        if len(rows):
            projected = project(self.projection, rows)
            in_one_thread(lambda: index.add_with_ids(projected, ids))
        return InvertedLists(self.projection, index)

    @property
    def gone(self) -> int:
        """How many of its rows are no longer there."""
        return sum(int((stored < 0).sum()) for stored in _ids_by_list(self.index))

    def rows_by_list(self) -> Ids:
        """All row ids, list by list: rows that look into the same lists come one after the other."""
        return np.argsort(self.list_of_row, kind="stable")


def _ids_by_list(index: Any) -> Iterator[Ids]:
    """The ids in each list, where FAISS keeps them."""
    faiss = load_faiss()
    for number in range(index.nlist):
        size = index.invlists.list_size(number)
        yield faiss.rev_swig_ptr(index.invlists.get_ids(number), size) if size else np.empty(0, np.int64)


def write_lists(lists: InvertedLists, path: Path) -> None:
    """Write one FAISS file: the projection and what comes behind it, as FAISS itself would search them."""
    faiss = load_faiss()
    chain = faiss.IndexPreTransform(lists.projection, lists.index)
    with path.open("wb") as file:  # through Python: FAISS itself cannot open every path on Windows
        faiss.write_index(chain, faiss.PyCallbackIOWriter(file.write))


def read_lists(path: Path) -> InvertedLists:
    """Read what `write_lists` wrote, its checksum verified by the caller: FAISS would read a damaged file."""
    faiss = load_faiss()
    with path.open("rb") as file:
        chain = faiss.read_index(faiss.PyCallbackIOReader(file.read))
    projection, index = faiss.downcast_VectorTransform(chain.chain.at(0)), faiss.downcast_index(chain.index)
    index.implem = _SCAN_BY_QUERY
    index.referenced_objects = projection.referenced_objects = [chain]
    return InvertedLists(projection, index)


def list_count(n: int) -> int:
    """How many lists n rows are best put into."""
    return max(1, min(n // 8, round(_LISTS_PER_ROW * float(n**0.75))))


def build_lists(rows: Rows, seed: int, encode: Encode | None = None) -> InvertedLists:
    """Train and fill the lists, without holding more than a sample of the projected rows; rows distinct.

    `encode` has the rows coded elsewhere.
    """
    n, count = len(rows), list_count(len(rows))
    projection = train_projection(rows, seed)
    _check_limit(rows, projection.d_out)
    sample = project_rows(rows, projection, sample_ids(n, count * _POINTS_PER_CENTROID, seed, stream=4))
    centroids = spherical_kmeans(sample, count, np.random.default_rng(seed), rounds=_ITERATIONS)
    index = _coder(sample, centroids, seed)
    list_of_row, codes = (encode or _encode)(index, rows, projection)
    in_one_thread(lambda: _fill(index, codes, list_of_row))
    return InvertedLists(projection, _fast(index))


def _check_limit(rows: Rows, coded: int) -> None:
    """VectorError where not even the codes and ids fit: twice, while FAISS packs them."""
    needed = 2 * len(rows) * (coded * _BITS // 8 + 8) + _WORKING_BYTES
    if rows.memory_limit is not None and needed > rows.memory_limit:
        raise VectorError(
            f"memory_limit is {rows.memory_limit:,} bytes: a graph of {len(rows):,} rows needs {needed:,}"
        )


def _coder(sample: Floats, centroids: Floats, seed: int) -> Any:
    """An empty index with a code book for what a row differs from its centroid by."""
    faiss = load_faiss()
    count, d = centroids.shape
    quantizer = faiss.IndexFlatIP(d)
    words = d // 2 if d in _CODED_IN_PAIRS else d
    index = faiss.IndexIVFPQ(quantizer, d, count, words, _BITS, faiss.METRIC_INNER_PRODUCT)
    index.own_fields = True  # the index frees the quantizer; Python must not
    quantizer.this.disown()
    index.by_residual = True
    index.pq.cp.niter = _ITERATIONS
    index.pq.cp.seed = seed % (1 << 31)

    def train() -> None:
        quantizer.add(centroids)
        index.train(sample[sample_ids(len(sample), _TRAINING_ROWS, seed, stream=3)])

    in_one_thread(train)
    return index


def _encode(index: Any, rows: Rows, projection: Any) -> tuple[Ids, Codes]:
    """The list of each row, int64 [n], and its code, uint8 [n, bytes]."""
    list_of_row = np.empty(len(rows), np.int64)
    codes = np.empty((len(rows), index.code_size), np.uint8)

    def work(low: int, high: int) -> None:
        list_of_row[low:high], codes[low:high] = encode_block(index, projection, rows.block(low, high))

    for_each_block(work, len(rows), ASSIGNED_ROWS)
    return list_of_row, codes


def encode_block(index: Any, projection: Any, rows: Floats) -> tuple[Ids, Codes]:
    """The lists int64 [b] and codes uint8 [b, bytes] of rows [b, d]; to be called in a worker thread."""
    faiss = load_faiss()
    block = project(projection, rows)
    lists = np.ascontiguousarray(index.quantizer.search(block, 1)[1][:, 0])
    codes = np.empty((len(block), index.code_size), np.uint8)
    index.encode_vectors(len(block), *map(faiss.swig_ptr, (block, lists, codes)))
    return lists, codes


def pack_coder(projection: Any, index: Any) -> NDArray[np.uint8]:
    """A coder and its projection as bytes, for another process."""
    faiss = load_faiss()
    packed: NDArray[np.uint8] = faiss.serialize_index(faiss.IndexPreTransform(projection, index))
    return packed


def unpack_coder(packed: NDArray[np.uint8]) -> tuple[Any, Any]:
    """The projection and the coder that `pack_coder` packed."""
    faiss = load_faiss()
    chain = faiss.deserialize_index(packed)
    projection, index = faiss.downcast_VectorTransform(chain.chain.at(0)), faiss.downcast_index(chain.index)
    index.referenced_objects = projection.referenced_objects = [chain]
    return projection, index


def _fill(index: Any, codes: NDArray[np.uint8], list_of_row: Ids) -> None:
    """Put ids and codes into their lists, ids ascending."""
    faiss = load_faiss()
    ids = np.argsort(list_of_row, kind="stable")
    ends = np.cumsum(np.bincount(list_of_row, minlength=index.nlist))
    low = 0
    for number, high in enumerate(ends.tolist()):
        if high > low:
            arrays = ids[low:high], codes[ids[low:high]]
            index.invlists.add_entries(number, high - low, *map(faiss.swig_ptr, arrays))
        low = high
    index.ntotal = len(ids)


def _fast(index: Any) -> Any:
    """The same lists, laid out for scans of 32 codes at once."""
    fast = load_faiss().IndexIVFPQFastScan(index)
    fast.implem = _SCAN_BY_QUERY
    fast.referenced_objects = [index]  # which frees the quantizer that both use
    return fast
