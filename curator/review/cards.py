"""What the page shows of an image: names, guesses and neighbours as plain values for JSON."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from curator.review.advice import Advice
from curator.review.session import Ids, Session

NEIGHBORS = 6
_COMPARED = "others have labelled it: to measure agreement"
_MOST_COMPARED = 2000  # labelled images looked through where the graph's lists hold too few


def cards(session: Session, advice: Advice, rows: Sequence[int], labels: Ids) -> list[dict[str, Any]]:
    """Everything that label mode shows of these images; `labels` are those that may be seen."""
    near = [labelled_neighbors(session, row, labels) for row in rows]
    images = session.state.images(np.asarray(rows, np.int64))
    reasons = dict(zip(advice.ranking.tolist(), advice.reasons, strict=False))
    names = {f"class_{code}": name for code, name in enumerate(session.names)}
    return [
        {
            "id": int(session.state.image_ids[row]),
            "path": image.path,
            "proposals": proposals(session, advice, row),
            "reason": _COMPARED if session.labels[row] >= 0 else _filled(reasons.get(row, ""), names),
            "neighbors": [
                neighbor(session, other, similarity, labels) for other, similarity in zip(*found, strict=True)
            ],
        }
        for row, image, found in zip(rows, images, near, strict=True)
    ]


def proposals(session: Session, advice: Advice, row: int, most: int = 3) -> list[dict[str, Any]]:
    """The likeliest classes of an image with their probabilities; none before the first label.

    None for an image that has a label, also where that may not be seen: the two are the same.
    """
    if advice.probabilities is None or session.labels[row] >= 0:
        return []
    shares = advice.probabilities[row][: len(session.names)]
    likeliest = np.argsort(-shares, kind="stable")[:most]
    return [
        {"label": session.names[code], "probability": round(float(shares[code]), 4)}
        for code in likeliest.tolist()
        if shares[code] > 0
    ]


def neighbor(session: Session, row: int, similarity: float, labels: Ids) -> dict[str, Any]:
    """An image beside another; `labels` are those that may be seen."""
    return {
        "id": int(session.state.image_ids[row]),
        "label": name_of(session, row, labels),
        "similarity": round(float(similarity), 3),
    }


def name_of(session: Session, row: int, labels: Ids) -> str | None:
    """The class that an image has among these labels, or None."""
    code = int(labels[row])
    return session.names[code] if code >= 0 else None


def labelled_neighbors(session: Session, row: int, labels: Ids) -> tuple[list[int], list[float]]:
    """The images with a label most like a row, and how similar: of its list, else of all that have one."""
    graph = session.state.graph
    near = graph.neighbors[row]
    known = labels[near] >= 0
    if known.sum() < NEIGHBORS:
        return nearest(session, row, np.flatnonzero(labels >= 0), NEIGHBORS)
    return near[known][:NEIGHBORS].tolist(), graph.similarities[row][known][:NEIGHBORS].tolist()


def nearest(session: Session, row: int, rows: Ids, most: int) -> tuple[list[int], list[float]]:
    """Of some rows those most like another, and how similar; of very many, of a sample of them."""
    rows = rows[rows != row]
    if len(rows) > _MOST_COMPARED:
        rows = np.sort(np.random.default_rng(row).choice(rows, _MOST_COMPARED, replace=False))
    vectors = session.state.embeddings
    similarities = vectors[rows].astype(np.float32) @ vectors[row].astype(np.float32)
    best = np.argsort(-similarities, kind="stable")[:most]
    return rows[best].tolist(), similarities[best].tolist()


def _filled(reason: str, names: dict[str, str]) -> str:
    """Class names put where a reason says {class_0}."""
    for key, name in names.items():
        reason = reason.replace("{" + key + "}", name)
    return reason
