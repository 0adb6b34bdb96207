"""Label fewer images and find the labels that are wrong.

Verbs on arrays: `knn_graph`, `propagate`, `query`, `audit`. Verbs on a `Workspace`: `embed`,
`finetune`, `predict`, `export_model`, `pretrain`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from curator.audits import AuditReport, audit
    from curator.errors import CuratorError
    from curator.jobs.embed import embed
    from curator.jobs.export_model import export_model
    from curator.jobs.finetune import finetune
    from curator.jobs.predict import predict
    from curator.jobs.pretrain import pretrain
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
    "embed": "curator.jobs.embed",
    "expected_gain": "curator.queries",
    "export_model": "curator.jobs.export_model",
    "finetune": "curator.jobs.finetune",
    "knn_graph": "curator_indexes",
    "predict": "curator.jobs.predict",
    "pretrain": "curator.jobs.pretrain",
    "propagate": "curator.propagation",
    "query": "curator.queries",
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
    "embed",
    "expected_gain",
    "export_model",
    "finetune",
    "knn_graph",
    "predict",
    "pretrain",
    "propagate",
    "query",
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
