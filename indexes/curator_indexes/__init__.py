"""Vectors and their neighbours: index, kNN graph, affinities and the files that hold them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from curator_indexes._blocks import MapBlocks
    from curator_indexes.affinity import affinity, normalized
    from curator_indexes.build import knn_graph
    from curator_indexes.errors import DamagedFileError, VectorError
    from curator_indexes.graph import KnnGraph
    from curator_indexes.growth import regrow
    from curator_indexes.hubs import hubness, reduce_hubness
    from curator_indexes.index import VectorIndex
    from curator_indexes.products import product
    from curator_indexes.solves import conjugate_gradients
    from curator_indexes.stored import store_knn_graph

__all__ = [
    "DamagedFileError",
    "KnnGraph",
    "MapBlocks",
    "VectorError",
    "VectorIndex",
    "affinity",
    "conjugate_gradients",
    "hubness",
    "knn_graph",
    "normalized",
    "product",
    "reduce_hubness",
    "regrow",
    "store_knn_graph",
]

_HOMES = {
    "DamagedFileError": "errors",
    "KnnGraph": "graph",
    "MapBlocks": "_blocks",
    "VectorError": "errors",
    "VectorIndex": "index",
    "affinity": "affinity",
    "conjugate_gradients": "solves",
    "hubness": "hubs",
    "knn_graph": "build",
    "normalized": "affinity",
    "product": "products",
    "reduce_hubness": "hubs",
    "regrow": "growth",
    "store_knn_graph": "stored",
}


def __getattr__(name: str) -> object:
    """Import a public name on first use: scipy and FAISS take longer to load than most commands run."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value  # over the submodule that the import put there under the same name
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
