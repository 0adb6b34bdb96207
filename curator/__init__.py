"""Label fewer images and find the labels that are wrong.

Verbs on arrays: `knn_graph`, `propagate`, `query`, `audit`. Verbs on a `Workspace`: `embed`, `finetune`,
`predict`, `export_model`, `pretrain`, `duplicates`, `outliers`, `leakage`, `faults`, `split`, `simulate`,
`next_step`, `map_images`, `report`, `import_from`, `export`. On two tables or runs: `diff`. On data sets of
Python's: `pack`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from curator.audits import AuditReport, audit
    from curator.errors import CuratorError
    from curator.jobs.diff import diff
    from curator.jobs.duplicates import duplicates
    from curator.jobs.embed import embed
    from curator.jobs.export import export
    from curator.jobs.export_model import export_model
    from curator.jobs.faults import faults
    from curator.jobs.finetune import finetune
    from curator.jobs.import_from import import_from
    from curator.jobs.leakage import leakage
    from curator.jobs.map import map_images
    from curator.jobs.next_step import next_step
    from curator.jobs.outliers import outliers
    from curator.jobs.pack import pack
    from curator.jobs.predict import predict
    from curator.jobs.pretrain import pretrain
    from curator.jobs.report import report
    from curator.jobs.simulate import simulate
    from curator.jobs.split import split
    from curator.propagation import SoftLabels, propagate
    from curator.queries import ExpectedGain, Ranking, expected_gain, query
    from curator.store.workspace import Workspace
    from curator_indexes import KnnGraph, knn_graph

_HOMES = {
    "AuditReport": "curator.audits",
    "CuratorError": "curator.errors",
    "ExpectedGain": "curator.queries",
    "KnnGraph": "curator_indexes",
    "Ranking": "curator.queries",
    "SoftLabels": "curator.propagation",
    "Workspace": "curator.store.workspace",
    "audit": "curator.audits",
    "diff": "curator.jobs.diff",
    "duplicates": "curator.jobs.duplicates",
    "embed": "curator.jobs.embed",
    "expected_gain": "curator.queries",
    "export": "curator.jobs.export",
    "export_model": "curator.jobs.export_model",
    "faults": "curator.jobs.faults",
    "finetune": "curator.jobs.finetune",
    "import_from": "curator.jobs.import_from",
    "knn_graph": "curator_indexes",
    "leakage": "curator.jobs.leakage",
    "map_images": "curator.jobs.map",
    "next_step": "curator.jobs.next_step",
    "outliers": "curator.jobs.outliers",
    "pack": "curator.jobs.pack",
    "predict": "curator.jobs.predict",
    "pretrain": "curator.jobs.pretrain",
    "propagate": "curator.propagation",
    "query": "curator.queries",
    "report": "curator.jobs.report",
    "simulate": "curator.jobs.simulate",
    "split": "curator.jobs.split",
}

__all__ = [
    "AuditReport",
    "CuratorError",
    "ExpectedGain",
    "KnnGraph",
    "Ranking",
    "SoftLabels",
    "Workspace",
    "audit",
    "diff",
    "duplicates",
    "embed",
    "expected_gain",
    "export",
    "export_model",
    "faults",
    "finetune",
    "import_from",
    "knn_graph",
    "leakage",
    "map_images",
    "next_step",
    "outliers",
    "pack",
    "predict",
    "pretrain",
    "propagate",
    "query",
    "report",
    "simulate",
    "split",
]


def __getattr__(name: str) -> object:
    """Import a public name where it is first used: torch and scipy take seconds to load."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
